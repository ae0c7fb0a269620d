-- contact_full: one contact with all its entries, as the RPC shows it.
-- See docs/frontend-contract.md#contact-record.
-- Only this view knows the shape; routines select `data` from it.
CREATE OR REPLACE VIEW contact_full AS
SELECT
    c.owner_id,
    c.id,
    JSON_INSERT(
        JSON_REMOVE(k.data, '$.email'),
        '$.contact_id', c.id,
        '$.message', COALESCE(c.message, ''),
        '$.invitetime', c.invitetime,
        '$.source', COALESCE(JSON_VALUE(c.metadata, '$.source'), c.entity),
        '$.metadata', JSON_COMPACT(c.metadata),
        '$.display_name', c.display_name,
        '$.company', c.company,
        '$.job_title', c.job_title,
        '$.avatar_path', c.avatar_path,
        '$.custom_fields', JSON_COMPACT(c.custom_fields),
        '$.origin', COALESCE(c.origin, 'local'),
        '$.source_id', c.source_id,
        '$.synced_at', CONCAT(REPLACE(c.synced_at, ' ', 'T'), 'Z'),
        -- in pieces of at most 500 characters: MariaDB aggregates longer texts in a table on disk
        '$.email', JSON_COMPACT(CONCAT('[', COALESCE((
            SELECT GROUP_CONCAT(CAST(JSON_OBJECT(
                'email_id', e.id, 'email', e.email, 'category', e.category, 'is_default', e.is_default,
                'label', COALESCE(e.label, IF(e.category = 'prof', 'work', 'personal'))
            ) AS CHAR(500)) ORDER BY e.position)
            FROM contact_email AS e
            WHERE e.owner_id = c.owner_id AND e.contact_id = c.id
        ), ''), ']')),
        '$.mobile', JSON_COMPACT(CONCAT('[', COALESCE((
            SELECT GROUP_CONCAT(CAST(JSON_OBJECT(
                'phone_id', p.id, 'areacode', p.areacode, 'phone', p.phone, 'category', p.category,
                'is_default', p.is_default,
                'label', COALESCE(p.label, IF(p.category = 'prof', 'work', 'mobile'))
            ) AS CHAR(500)) ORDER BY p.position)
            FROM contact_phone AS p
            WHERE p.owner_id = c.owner_id AND p.contact_id = c.id
        ), ''), ']')),
        '$.address', JSON_COMPACT(CONCAT('[', COALESCE((
            SELECT GROUP_CONCAT(
                CAST(SUBSTR(a.full, 1, 500) AS CHAR(500)),
                CAST(SUBSTR(a.full, 501, 500) AS CHAR(500)),
                CAST(SUBSTR(a.full, 1001, 500) AS CHAR(500)),
                CAST(SUBSTR(a.full, 1501, 500) AS CHAR(500)),
                CAST(SUBSTR(a.full, 2001, 500) AS CHAR(500))
                ORDER BY a.position
            )
            FROM address_sheet AS a
            WHERE a.owner_id = c.owner_id AND a.contact_id = c.id
        ), ''), ']')),
        '$.tag', JSON_COMPACT(CONCAT('[', COALESCE((
            SELECT GROUP_CONCAT(
                CAST(SUBSTR(t.data, 1, 500) AS CHAR(500)),
                CAST(SUBSTR(t.data, 501, 500) AS CHAR(500))
                ORDER BY t.position, t.tag_id
            )
            FROM assigned_tag AS t
            WHERE t.owner_id = c.owner_id AND t.entity_id = c.id
        ), ''), ']'))
    ) AS data
FROM contact AS c
JOIN contact_card AS k ON k.owner_id = c.owner_id AND k.id = c.id;
