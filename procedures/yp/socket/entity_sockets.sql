-- entity_sockets: list the sockets of the members of a hub, and of everybody in one of its rooms, guests
-- included: open or lost (socket_route). Sockets that wait at the door of that room are left out.
--
-- Params:   in_hub       hub
--           in_room      room, or NULL for members only
--           in_exclude   socket to leave out (the sender), or NULL
-- Returns:  rows         node, sockets (JSON array of one id); a socket may come twice
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
    DECLARE v_exclude VARCHAR(64) COLLATE ascii_bin DEFAULT COALESCE(in_exclude, '');

    -- A UNION without ALL, or a GROUP BY of the node, would make temporary tables: dearer than the rows.
    SELECT s.node, JSON_ARRAY(s.id) AS sockets
    FROM conference AS c
    JOIN socket_route AS s ON s.id = c.socket_id
    WHERE c.hub_id = in_hub AND c.room_id = in_room AND c.status = 'started' AND c.socket_id <> v_exclude
    UNION ALL
    SELECT s.node, JSON_ARRAY(s.id) AS sockets
    -- the optimizer would weigh by_expiry and by_entity at each call
    FROM permission AS p FORCE INDEX (PRIMARY)
    JOIN socket_route AS s ON s.uid = p.entity_id AND s.state <> 'idle' AND s.id <> v_exclude
    -- who is inside is listed above, and who waits at the door hears nothing
    LEFT JOIN conference AS w ON w.room_id = in_room AND w.socket_id = s.id AND w.hub_id = in_hub
    WHERE p.hub_id = in_hub
      AND p.resource_id IN ('*', in_room)
      AND p.level > 0
      -- what everybody may read is not pushed to every visitor
      AND p.entity_id <> 'ffffffffffffffff'
      AND (p.expiry = 0 OR p.expiry > v_now)
      -- a guest hears what is said in the room while inside
      AND p.assign_via <> 'link'
      AND w.socket_id IS NULL;
END$$
DELIMITER ;
