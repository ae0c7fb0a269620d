-- entity_sockets: list the sockets of the members of a hub, and of everybody in one of its rooms, guests
-- included: open or lost (socket_route). Sockets that wait at the door of that room are left out.
--
-- Params:   in_hub       hub
--           in_room      room, or NULL for members only
--           in_exclude   socket to leave out (the sender), or NULL
-- Returns:  rows         node, sockets (JSON array of ids)
-- Errors:   none
-- Example:  CALL entity_sockets('00000000000000f1', NULL, NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE entity_sockets(
    IN in_hub     VARCHAR(64) COLLATE ascii_bin,
    IN in_room    VARCHAR(64) COLLATE ascii_bin,
    IN in_exclude VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();

    SELECT r.node, JSON_ARRAYAGG(r.id) AS sockets
    FROM (
        SELECT s.id, s.node
        FROM permission AS p
        JOIN socket_route AS s ON s.uid = p.entity_id AND s.state <> 'idle'
        WHERE p.hub_id = in_hub
          AND p.resource_id IN ('*', in_room)
          AND p.level > 0
          -- what everybody may read is not pushed to every visitor
          AND p.entity_id <> 'ffffffffffffffff'
          AND (p.expiry = 0 OR p.expiry > v_now)
          -- a guest hears what is said in the room while inside, and who waits at its door hears nothing
          AND p.assign_via <> 'link'
          AND NOT EXISTS (
            SELECT 1 FROM conference AS w
            WHERE w.socket_id = s.id AND w.hub_id = in_hub AND w.room_id = in_room AND w.status = 'waiting'
          )
        UNION
        SELECT s.id, s.node
        FROM conference AS c
        JOIN socket_route AS s ON s.id = c.socket_id
        WHERE c.hub_id = in_hub AND c.room_id = in_room AND c.status = 'started'
    ) AS r
    WHERE r.id <> COALESCE(in_exclude, '')
    GROUP BY r.node;
END$$
DELIMITER ;
