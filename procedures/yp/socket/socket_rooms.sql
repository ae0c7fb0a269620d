-- socket_rooms: list the rooms in which a socket has a seat.
--
-- Params:   in_socket   id of the socket
-- Returns:  a value     JSON array of {hub, room, type}
-- Errors:   none
-- Example:  SELECT socket_rooms('example-socket');
DELIMITER $$
CREATE OR REPLACE FUNCTION socket_rooms(
    in_socket VARCHAR(32) COLLATE ascii_bin
)
    RETURNS LONGTEXT COLLATE utf8mb4_bin
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    RETURN COALESCE((
        SELECT JSON_ARRAYAGG(JSON_OBJECT('hub', c.hub_id, 'room', c.room_id, 'type', c.type))
        FROM conference AS c
        WHERE c.socket_id = in_socket
    ), '[]');
END$$
DELIMITER ;
