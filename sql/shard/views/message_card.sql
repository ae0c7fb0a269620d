-- message_card: one message of a private conversation, for the owner of the copy.
-- See chat.post in docs/frontend-contract.md#live-updates.
-- Only this view knows the shape; routines select `data` from it.
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
        'call_duration', CAST(JSON_VALUE(m.metadata, '$.duration') AS UNSIGNED),
        'metadata', CAST(m.metadata AS CHAR),
        'thread_id', t.message_id,
        'thread', IF(t.message_id IS NULL, NULL, JSON_OBJECT(
            'message_id', t.message_id, 'author_id', t.author_id, 'message', t.message,
            'is_attachment', IF(JSON_LENGTH(t.metadata, '$.attachment') > 0, 1, 0)
        )),
        'is_attachment', IF(JSON_LENGTH(m.metadata, '$.attachment') > 0, 1, 0),
        'attachment', JSON_COMPACT(COALESCE(JSON_EXTRACT(m.metadata, '$.attachment'), '[]')),
        'is_readed', m.is_read,
        'is_seen', IF(m.author_id = m.owner_id, m.is_seen, m.is_read),
        'firstname', d.firstname,
        'lastname', d.lastname,
        'ctime', m.ctime
    ) AS data
FROM message AS m
LEFT JOIN yp.drumate AS d ON d.id = m.author_id
LEFT JOIN message AS t
    ON t.owner_id = m.owner_id AND t.peer_id = m.peer_id
    AND t.message_id = CONVERT(JSON_VALUE(m.metadata, '$.thread_id') USING ascii) COLLATE ascii_bin;
