-- room_card: a room as its participants see it (conference.room).
CREATE OR REPLACE VIEW room_card AS
SELECT
    r.hub_id,
    r.id AS room_id,
    JSON_OBJECT(
        'room_id', r.id,
        'hub_id', r.hub_id,
        'room_type', r.type,
        'title', r.title,
        'state', IF(r.started_at IS NULL, 'waiting', 'started'),
        'started', r.started_at,
        'locked', r.locked,
        'people', r.people,
        'minutes', r.minutes,
        'recording', IF(r.recording_since IS NULL, 0, 1),
        'recording_since', r.recording_since,
        'serial', r.serial
    ) AS data
FROM conference_room AS r;
