-- conference_door_sockets: list the sockets that hear who comes to the door of a room, and who goes away.
--
-- They are those of its hosts. A room without a host is opened by the area_opener, else by users who may
-- write; those who are online hear it. Attendees never learn who waits.
--
-- Params:   in_hub      hub of the room
--           in_room     room
--           in_socket   socket of who waits; it is left out
-- Returns:  rows        node, sockets (JSON array of ids)
-- Errors:   none
-- Example:  CALL conference_door_sockets('00000000000000f1', '00000000000000f2', 'example-socket');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_door_sockets(
    IN in_hub    CHAR(16) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_has_host TINYINT DEFAULT EXISTS (
        SELECT 1 FROM conference WHERE hub_id = in_hub AND room_id = in_room AND role = 'host'
    );
    DECLARE v_opener CHAR(16) COLLATE ascii_bin DEFAULT (SELECT uid FROM area_opener WHERE hub_id = in_hub);

    SELECT r.node, JSON_ARRAYAGG(r.id) AS sockets
    FROM (
        SELECT s.id, s.node
        FROM conference AS c
        JOIN socket_route AS s ON s.id = c.socket_id
        WHERE c.hub_id = in_hub AND c.room_id = in_room AND c.role = 'host'
        UNION
        SELECT s.id, s.node
        FROM socket_route AS s
        WHERE s.uid = v_opener AND s.state <> 'idle' AND NOT v_has_host
        UNION
        SELECT s.id, s.node
        FROM permission AS p
        JOIN drumate AS d ON d.id = p.entity_id
        JOIN socket_route AS s ON s.uid = p.entity_id AND s.state <> 'idle'
        WHERE p.hub_id = in_hub AND p.resource_id IN ('*', in_room) AND p.level >= 4
          AND (p.expiry = 0 OR p.expiry > v_now)
          AND v_opener IS NULL AND NOT v_has_host
    ) AS r
    WHERE r.id <> COALESCE(in_socket, '')
    GROUP BY r.node;
END$$
DELIMITER ;
