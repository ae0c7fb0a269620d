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
    -- Repeats socket_route: the optimizer would weigh the indexes of both tables at each call
    SELECT IF(s.state = 'lost', '', s.node) AS node, JSON_ARRAY(s.id) AS sockets
    FROM conference AS c FORCE INDEX (by_room)
    STRAIGHT_JOIN socket AS s FORCE INDEX (PRIMARY) ON s.id = c.socket_id
    WHERE c.hub_id = in_hub AND c.room_id = in_room AND c.status = 'started'
      AND c.socket_id <> COALESCE(in_exclude, '');
END$$
DELIMITER ;
