-- room_sockets: list the sockets of the participants of a room, open or lost (socket_route).
-- Those who wait at the door hear nothing.
--
-- Params:   in_hub       hub of the room
--           in_room      room
--           in_exclude   a socket to leave out, or NULL
-- Returns:  rows         node, sockets (JSON array of one id)
-- Errors:   none
-- Example:  CALL room_sockets('00000000000000f1', '00000000000000f2', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE room_sockets(
    IN in_hub     VARCHAR(64) COLLATE ascii_bin,
    IN in_room    VARCHAR(64) COLLATE ascii_bin,
    IN in_exclude VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT s.node, JSON_ARRAY(s.id) AS sockets
    FROM conference AS c
    JOIN socket_route AS s ON s.id = c.socket_id
    WHERE c.hub_id = in_hub AND c.room_id = in_room AND c.status = 'started'
      AND c.socket_id <> COALESCE(in_exclude, '');
END$$
DELIMITER ;
