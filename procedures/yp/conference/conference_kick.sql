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
    DECLARE v_meant LONGTEXT COLLATE utf8mb4_bin;
    DECLARE v_sockets LONGTEXT COLLATE utf8mb4_bin DEFAULT '[]';
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL conference_command(in_sid, in_socket, in_room, v_hub, v_level, v_serial);
    IF NOT conference_is_out(v_hub, in_room, in_to, in_ban) THEN
        CALL conference_targets(v_hub, in_room, in_to, in_status, v_level, v_meant);
        IF in_ban THEN
            CALL conference_ban_add(v_hub, in_room, v_meant, v_sockets);
        ELSE
            SET v_sockets = v_meant;
        END IF;
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
