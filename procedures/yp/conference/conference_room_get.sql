-- conference_room_get: get a room for somebody who is in it, or waits at its door; hosts see who waits.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket of the caller
--           in_room     room
-- Returns:  one row   data  JSON: room_card, and user (attendee row of the caller), now (unix time)
--           rows      data  JSON: attendee rows of those who wait, for a host; none for others
-- Errors:   WEAK_PRIVILEGE   a foreign socket, or one that is not in the room
-- Example:  CALL conference_room_get('example-sid', 'example-socket', '00000000000000f2');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_room_get(
    IN in_sid    VARCHAR(128) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_hub CHAR(16) COLLATE ascii_bin;
    DECLARE v_role VARCHAR(16) COLLATE ascii_bin;

    SELECT c.hub_id, c.role INTO v_hub, v_role
    FROM conference AS c
    JOIN socket AS s ON s.id = c.socket_id AND s.session_id = SHA2(in_sid, 256)
    WHERE c.room_id = in_room AND c.socket_id = in_socket;
    IF v_hub IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'WEAK_PRIVILEGE';
    END IF;

    SELECT JSON_INSERT(r.data, '$.user', JSON_COMPACT(a.data), '$.now', UNIX_TIMESTAMP()) AS data
    FROM room_card AS r
    JOIN attendee_card AS a ON a.hub_id = r.hub_id AND a.room_id = r.room_id AND a.socket_id = in_socket
    WHERE r.hub_id = v_hub AND r.room_id = in_room;
    SELECT data
    FROM attendee_card
    WHERE hub_id = v_hub AND room_id = in_room AND status = 'waiting' AND v_role = 'host'
    ORDER BY ctime, socket_id;
END$$
DELIMITER ;
