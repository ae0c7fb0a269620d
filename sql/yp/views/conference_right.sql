-- conference_right: the level of each participant by the grants of this moment, and former_level, the one in
-- their row. Each of the four grants that count is one lookup: all participants are compared every 3 s.
CREATE OR REPLACE VIEW conference_right AS
SELECT
    c.hub_id,
    c.room_id,
    c.socket_id,
    c.uid,
    c.level AS former_level,
    IF(c.uid = c.hub_id, 7, GREATEST(
        IF(e.area = 'public', 2, 0),
        IF(own.expiry = 0 OR own.expiry > UNIX_TIMESTAMP(), own.level, 0),
        IF(own_room.expiry = 0 OR own_room.expiry > UNIX_TIMESTAMP(), own_room.level, 0),
        IF(everybody.expiry = 0 OR everybody.expiry > UNIX_TIMESTAMP(), everybody.level, 0),
        IF(everybody_room.expiry = 0 OR everybody_room.expiry > UNIX_TIMESTAMP(), everybody_room.level, 0)
    )) AS level
FROM conference AS c
JOIN entity AS e ON e.id = c.hub_id
LEFT JOIN permission AS own
  ON own.hub_id = c.hub_id AND own.resource_id = '*' AND own.entity_id = c.uid
LEFT JOIN permission AS own_room
  ON own_room.hub_id = c.hub_id AND own_room.resource_id = c.room_id AND own_room.entity_id = c.uid
LEFT JOIN permission AS everybody
  ON everybody.hub_id = c.hub_id AND everybody.resource_id = '*'
  AND everybody.entity_id = 'ffffffffffffffff'
LEFT JOIN permission AS everybody_room
  ON everybody_room.hub_id = c.hub_id AND everybody_room.resource_id = c.room_id
  AND everybody_room.entity_id = 'ffffffffffffffff';
