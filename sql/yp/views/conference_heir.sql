-- conference_heir: the participants of rooms without a host who may be it. Only an area_opener starts a
-- meeting; once it has started, others who may write and are inside may take over.
CREATE OR REPLACE VIEW conference_heir AS
SELECT c.hub_id, c.room_id, c.socket_id, c.status, c.ctime
FROM conference_room AS r
JOIN area_opener AS o ON o.hub_id = r.hub_id
JOIN conference AS c ON c.hub_id = r.hub_id AND c.room_id = r.id
WHERE c.level >= 4
  AND (o.uid IS NULL OR o.uid = c.uid OR (r.started_at IS NOT NULL AND c.status = 'started'))
  AND NOT EXISTS (
    SELECT 1 FROM conference AS h WHERE h.hub_id = r.hub_id AND h.room_id = r.id AND h.role = 'host'
  );
