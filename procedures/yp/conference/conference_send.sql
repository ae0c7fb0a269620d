-- conference_send: list the sockets of one participant, for a message that only they get.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket of the caller, in a room of the hub
--           in_hub      hub
--           in_room     room, or NULL for the one the socket is in
--           in_to       socket or uid of a participant of that room: one page, or all pages of one person
-- Returns:  rows        node, sockets (JSON array of ids)
-- Errors:   WEAK_PRIVILEGE          a foreign socket, or one that is in no such room, or waits there
--           PARTICIPANT_NOT_FOUND   nobody of that kind is in the room
-- Example:  CALL conference_send('example-sid', 'example-socket', '00000000000000f1', NULL, 'example-bob');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_send(
    IN in_sid    VARCHAR(128) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_hub    VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_to     VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_room VARCHAR(64) COLLATE ascii_bin;
    DECLARE v_sockets LONGTEXT COLLATE utf8mb4_bin;

    SELECT c.room_id INTO v_room
    FROM socket AS s
    JOIN conference AS c ON c.socket_id = s.id
    WHERE s.id = in_socket AND s.session_id = SHA2(in_sid, 256)
      AND c.hub_id = in_hub AND c.room_id = COALESCE(in_room, c.room_id) AND c.status = 'started'
    LIMIT 1;
    IF v_room IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'WEAK_PRIVILEGE';
    END IF;
    CALL conference_targets(in_hub, v_room, in_to, 'started', 7, v_sockets);

    SELECT s.node, JSON_ARRAYAGG(s.id) AS sockets
    FROM JSON_TABLE(v_sockets, '$[*]' COLUMNS (id VARCHAR(32) COLLATE ascii_bin PATH '$')) AS j
    JOIN socket_route AS s ON s.id = j.id
    WHERE s.id <> in_socket
    GROUP BY s.node;
END$$
DELIMITER ;
