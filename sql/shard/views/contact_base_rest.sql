-- contact_base_rest: what follows contact_base in the full contact, up to its first tag.
-- Only this view knows the shape; contact_full and contact_document join both.
CREATE OR REPLACE VIEW contact_base_rest AS
SELECT
    c.owner_id,
    c.id,
    CONCAT(', ', TRIM(TRAILING ']}' FROM SUBSTR(JSON_LOOSE(JSON_OBJECT(
        'contact_id', c.id,
        'message', COALESCE(c.message, ''),
        'invitetime', c.invitetime,
        'source', COALESCE(JSON_VALUE(c.metadata, '$.source'), c.entity),
        'metadata', JSON_COMPACT(c.metadata),
        'display_name', c.display_name,
        'company', c.company,
        'job_title', c.job_title,
        'avatar_path', c.avatar_path,
        'custom_fields', JSON_COMPACT(c.custom_fields),
        'origin', COALESCE(c.origin, 'local'),
        'source_id', c.source_id,
        'synced_at', CONCAT(REPLACE(c.synced_at, ' ', 'T'), 'Z'),
        -- in pieces of at most 500 characters: MariaDB aggregates longer texts in a table on disk
        'email', JSON_COMPACT(CONCAT('[', COALESCE((
            SELECT GROUP_CONCAT(CAST(JSON_OBJECT(
                'email_id', e.id, 'email', e.email, 'category', e.category, 'is_default', e.is_default,
                'label', COALESCE(e.label, IF(e.category = 'prof', 'work', 'personal'))
            ) AS CHAR(500)) ORDER BY e.position)
            FROM contact_email AS e
            WHERE e.owner_id = c.owner_id AND e.contact_id = c.id
        ), ''), ']')),
        'mobile', JSON_COMPACT(CONCAT('[', COALESCE((
            SELECT GROUP_CONCAT(CAST(JSON_OBJECT(
                'phone_id', p.id, 'areacode', p.areacode, 'phone', p.phone, 'category', p.category,
                'is_default', p.is_default,
                'label', COALESCE(p.label, IF(p.category = 'prof', 'work', 'mobile'))
            ) AS CHAR(500)) ORDER BY p.position)
            FROM contact_phone AS p
            WHERE p.owner_id = c.owner_id AND p.contact_id = c.id
        ), ''), ']')),
        'address', JSON_COMPACT(CONCAT('[', COALESCE((
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
        'tag', JSON_ARRAY()
    )), 2))) AS rest
FROM contact AS c;
