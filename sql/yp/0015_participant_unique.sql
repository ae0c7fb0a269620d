-- 0015: an endpoint of the media server belongs to one participant of a room: others look him up by it.
-- undo: ALTER TABLE conference DROP KEY by_endpoint, ADD KEY by_participant (participant_id);

UPDATE conference AS c
JOIN conference AS o
    ON o.hub_id = c.hub_id AND o.room_id = c.room_id AND o.participant_id = c.participant_id
    AND (o.ctime, o.socket_id) < (c.ctime, c.socket_id)
SET c.participant_id = NULL;

ALTER TABLE conference
    ADD UNIQUE KEY IF NOT EXISTS by_endpoint (participant_id, hub_id, room_id),
    DROP KEY IF EXISTS by_participant;
