-- message_card: one message of a private conversation as its owner sees it (contract 2.5, chat.post).
-- The one place that knows the shape; routines select `data` from here.
CREATE OR REPLACE VIEW message_card AS
SELECT
    m.owner_id,
    m.peer_id,
    m.message_id,
    m.author_id,
    m.ctime,
    JSON_OBJECT(
        'message_id', m.message_id,
        'author_id', m.author_id,
        'entity_id', m.peer_id,
        'peer_id', m.peer_id,
        'message', m.message,
        'message_type', m.message_type,
        'call_status', JSON_VALUE(m.metadata, '$.call_status'),
        'call_duration', JSON_VALUE(m.metadata, '$.duration'),
        'metadata', CAST(m.metadata AS CHAR),
        'is_attachment', 0,
        'is_readed', m.is_read,
        'is_seen', m.is_read,
        'firstname', d.firstname,
        'lastname', d.lastname,
        'ctime', m.ctime
    ) AS data
FROM message AS m
LEFT JOIN yp.drumate AS d ON d.id = m.author_id;
