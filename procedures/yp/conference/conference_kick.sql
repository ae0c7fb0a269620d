-- conference_kick: take somebody out of a room, or turn them away at its door, as a host; with a ban, they
-- stay out until the room ends. Nothing happens when they are not there; a ban that is new needs somebody.
--
-- The ban of a user holds for all their devices, that of a guest for their session, and takes all their
-- sockets out of the room. A guest who opens the link with another browser is another guest.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket of the caller
--           in_room     room
--           in_to       socket or uid of a participant
--           in_status   waiting: only those at the door; NULL: those inside, too
--           in_ban      1 or 0
-- Returns:  the sets of conference_remove
-- Errors:   WEAK_PRIVILEGE          the caller is no host of the room, or is meant themselves, or somebody
--                                   with a higher level
--           PARTICIPANT_NOT_FOUND   somebody inside is to be turned away at the door, or nobody of that kind
--                                   is there who could be banned
-- Needs:    a transaction
-- Example:  CALL conference_kick('example-sid', 'example-socket', '00000000000000f2', 'example-bob', NULL,
--           0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_kick(
    IN in_sid    VARCHAR(128) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_to     VARCHAR(64) COLLATE ascii_bin,
    IN in_status VARCHAR(16) COLLATE ascii_bin,
    IN in_ban    TINYINT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_hub CHAR(16) COLLATE ascii_bin;
    DECLARE v_level TINYINT UNSIGNED;
    DECLARE v_serial BIGINT UNSIGNED;
    DECLARE v_sockets LONGTEXT COLLATE utf8mb4_bin DEFAULT '[]';
    DECLARE v_is_done TINYINT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL conference_command(in_sid, in_socket, in_room, v_hub, v_level, v_serial);
    -- unlocked: every writer holds the row of the room, as this call does
    SET v_is_done = NOT EXISTS (
        SELECT 1 FROM conference
        WHERE hub_id = v_hub AND room_id = in_room AND in_to IN (socket_id, uid)
    ) AND (in_ban = 0 OR EXISTS (
        SELECT 1
        FROM conference_ban AS b
        LEFT JOIN socket AS s ON s.id = in_to
        WHERE b.hub_id = v_hub AND b.room_id = in_room AND b.who IN (in_to, s.uid, s.session_id)
    ));
    IF NOT v_is_done THEN
        CALL conference_targets(v_hub, in_room, in_to, in_status, v_level, v_sockets);
    END IF;

    IF in_ban AND NOT v_is_done THEN
        INSERT IGNORE INTO conference_ban (hub_id, room_id, who, ctime)
        SELECT DISTINCT v_hub, in_room, IF(d.id IS NULL, s.session_id, s.uid), UNIX_TIMESTAMP()
        FROM JSON_TABLE(v_sockets, '$[*]' COLUMNS (id VARCHAR(32) COLLATE ascii_bin PATH '$')) AS j
        JOIN socket AS s ON s.id = j.id
        LEFT JOIN drumate AS d ON d.id = s.uid;
        -- unlocked: the same
        SELECT JSON_ARRAYAGG(c.socket_id) INTO v_sockets
        FROM conference AS c
        JOIN socket AS s ON s.id = c.socket_id
        JOIN conference_ban AS b ON b.hub_id = c.hub_id AND b.room_id = c.room_id
          AND b.who IN (c.uid, s.session_id)
        WHERE c.hub_id = v_hub AND c.room_id = in_room;
    END IF;
    IF JSON_CONTAINS(v_sockets, JSON_QUOTE(in_socket)) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'WEAK_PRIVILEGE';
    END IF;
    CALL conference_remove((
        SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT('hub', v_hub, 'room', in_room, 'socket', j.id)), '[]')
        FROM JSON_TABLE(v_sockets, '$[*]' COLUMNS (id VARCHAR(32) COLLATE ascii_bin PATH '$')) AS j
    ));
END$$
DELIMITER ;
