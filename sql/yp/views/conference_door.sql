-- conference_door: those who wait at the door of a room although its lock lets them in: they need a place.
CREATE OR REPLACE VIEW conference_door AS
SELECT c.hub_id, c.room_id, c.socket_id, c.level, c.ctime
FROM conference AS c
JOIN conference_room AS r ON r.hub_id = c.hub_id AND r.id = c.room_id
LEFT JOIN drumate AS d ON d.id = c.uid
WHERE c.status = 'waiting'
  AND (r.locked = 'nobody' OR (r.locked = 'guests' AND d.id IS NOT NULL));
