-- conference_right: the level that each participant has in a room by the grants of this moment.
CREATE OR REPLACE VIEW conference_right AS
SELECT
    c.hub_id,
    c.room_id,
    c.socket_id,
    IF(c.uid = c.hub_id, 7, GREATEST(IF(e.area = 'public', 2, 0), COALESCE((
        SELECT MAX(p.level)
        FROM permission AS p
        WHERE p.hub_id = c.hub_id
          AND p.resource_id IN ('*', c.room_id)
          AND p.entity_id IN (c.uid, 'ffffffffffffffff')
          AND (p.expiry = 0 OR p.expiry > UNIX_TIMESTAMP())
    ), 0))) AS level
FROM conference AS c
JOIN entity AS e ON e.id = c.hub_id;
