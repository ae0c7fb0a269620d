-- conference_broadcast: list the recipients of a broadcast: members of the hub who are online, and the room.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket of the caller, in a room of the hub
--           in_hub      hub
--           in_room     room, or NULL for the one the socket is in
-- Returns:  rows        node, sockets (JSON array of ids)
-- Errors:   WEAK_PRIVILEGE   a foreign socket, or one that is in no such room, or waits there
-- Example:  CALL conference_broadcast('example-sid', 'example-socket', '00000000000000f1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_broadcast(
    IN in_sid    VARCHAR(128) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_hub    VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_room VARCHAR(64) COLLATE ascii_bin;

    IF in_room IS NULL THEN
        SELECT c.room_id INTO v_room
        FROM socket AS s
        JOIN conference AS c ON c.socket_id = s.id
        WHERE s.id = in_socket AND s.session_id = SHA2(in_sid, 256)
          AND c.hub_id = in_hub AND c.status = 'started'
        LIMIT 1;
    ELSE
        SELECT c.room_id INTO v_room
        FROM socket AS s
        JOIN conference AS c ON c.room_id = in_room AND c.socket_id = s.id
        WHERE s.id = in_socket AND s.session_id = SHA2(in_sid, 256)
          AND c.hub_id = in_hub AND c.status = 'started';
    END IF;

    IF v_room IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'WEAK_PRIVILEGE';
    END IF;

    CALL entity_sockets(in_hub, v_room, in_socket);
END$$
DELIMITER ;
