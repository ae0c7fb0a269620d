-- conference_admit: let somebody in who waits at the door of a room, as a host. Nothing happens when they are
-- inside already.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket of the caller
--           in_room     room
--           in_to       socket or uid of who waits; NULL: everybody who waits
-- Returns:  the sets of conference_entered
-- Errors:   WEAK_PRIVILEGE          the caller is no host of the room
--           PARTICIPANT_NOT_FOUND   nobody of that kind is in the room or at its door
--           ROOM_FULL               they are more than may be in the room
-- Needs:    a transaction
-- Example:  CALL conference_admit('example-sid', 'example-socket', '00000000000000f2', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_admit(
    IN in_sid    VARCHAR(128) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_to     VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_hub CHAR(16) COLLATE ascii_bin;
    DECLARE v_level TINYINT UNSIGNED;
    DECLARE v_serial BIGINT UNSIGNED;
    DECLARE v_sockets, v_meant LONGTEXT COLLATE utf8mb4_bin;
    DECLARE v_full TINYINT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL conference_command(in_sid, in_socket, in_room, v_hub, v_level, v_serial);
    -- unlocked: every writer holds the row of the room, as this call does
    SELECT JSON_ARRAYAGG(socket_id) INTO v_sockets
    FROM conference
    WHERE hub_id = v_hub AND room_id = in_room AND status = 'waiting'
      AND (in_to IS NULL OR in_to IN (socket_id, uid));
    IF in_to IS NOT NULL THEN
        CALL conference_targets(v_hub, in_room, in_to, IF(v_sockets IS NULL, NULL, 'waiting'), 7, v_meant);
    END IF;

    SET v_full = (
        SELECT r.people > 0 AND SUM(c.status = 'started') + JSON_LENGTH(v_sockets) > r.people
        FROM conference_room AS r
        JOIN conference AS c ON c.hub_id = r.hub_id AND c.room_id = r.id
        WHERE r.hub_id = v_hub AND r.id = in_room
    );
    IF v_full THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ROOM_FULL';
    END IF;

    UPDATE conference AS c
    JOIN JSON_TABLE(v_sockets, '$[*]' COLUMNS (id VARCHAR(32) COLLATE ascii_bin PATH '$')) AS j
    SET c.status = 'started'
    WHERE c.room_id = in_room AND c.socket_id = j.id;
    CALL webhook_seated(v_hub, in_room, v_sockets, 'meeting.joined');
    CALL conference_entered(v_hub, in_room, COALESCE(v_sockets, '[]'), v_serial);
END$$
DELIMITER ;
