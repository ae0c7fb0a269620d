-- attendee_card: one participant of a room for the frontend (docs/frontend-contract.md#attendee-row).
-- Only this view knows the shape; routines select `data` from it.
CREATE OR REPLACE VIEW attendee_card AS
SELECT
    c.hub_id,
    c.room_id,
    c.socket_id,
    c.uid,
    c.participant_id,
    c.status,
    c.ctime,
    JSON_OBJECT(
        'room_id', c.room_id,
        'hub_id', c.hub_id,
        'participant_id', c.participant_id,
        'attendee_id', c.participant_id,
        'socket_id', c.socket_id,
        'uid', c.uid,
        'audio', c.audio,
        'video', c.video,
        'screen', c.screen,
        'muted', c.muted,
        'mute_asked', c.mute_asked,
        'area', e.area,
        'type', c.type,
        'status', c.status,
        'permission', ELT(c.level + 1, 0, 1, 3, 3, 7, 15, 31, 63) + 0,
        'role', c.role,
        -- the frontend counts these seconds down and closes the window at 0
        'quota', IF(r.minutes > 0 AND r.started_at IS NOT NULL,
                    GREATEST(CAST(r.started_at + r.minutes * 60 AS SIGNED) - UNIX_TIMESTAMP(), 1), 0),
        'firstname', c.firstname,
        'lastname', c.lastname,
        'username', COALESCE(d.username, NULLIF(TRIM(CONCAT(c.firstname, ' ', c.lastname)), ''), '')
    ) AS data
FROM conference AS c
JOIN entity AS e ON e.id = c.hub_id
JOIN conference_room AS r ON r.hub_id = c.hub_id AND r.id = c.room_id
LEFT JOIN drumate AS d ON d.id = c.uid;
