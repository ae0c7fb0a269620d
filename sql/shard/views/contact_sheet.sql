-- contact_sheet: one contact, in the address book or in the trash, as the REST API shows it, without the
-- times that only contact_record knows.
-- Only this view knows the shape; contact_render and contacts_render make records of it. The key extra is
-- there only when the contact has some: JSON_INSERT at the path of a key that exists changes nothing.
-- `private` is what a revert needs besides the record; the history stores it.
CREATE OR REPLACE VIEW contact_sheet AS
SELECT
    c.owner_id,
    c.id,
    c.full_name,
    -- names and company; after a separator, the numbers in international form in their order, - for others
    CONCAT(CONCAT_WS(' ', c.firstname, c.lastname, c.surname, c.display_name, c.company), COALESCE((
        SELECT CONCAT(_utf8mb4 x'1F', GROUP_CONCAT(COALESCE(NULLIF(p.international, ''), '-')
                                                   ORDER BY p.position SEPARATOR ' '))
        FROM contact_phone AS p
        WHERE p.owner_id = c.owner_id AND p.contact_id = c.id
    ), '')) AS names,
    c.ctime,
    c.mtime,
    IF(c.deleted_at IS NULL, 'active', 'deleted') AS state,
    -- position, length of the area code, default; position, default: without an order, which would take time
    JSON_OBJECT(
        'surname', c.surname,
        'display_name', c.display_name,
        'is_auto', c.is_auto,
        'phones', (
            SELECT GROUP_CONCAT(p.position, ' ', CHAR_LENGTH(p.areacode), ' ', p.is_default)
            FROM contact_phone AS p
            WHERE p.owner_id = c.owner_id AND p.contact_id = c.id
        ),
        'addresses', (
            SELECT GROUP_CONCAT(a.position, ' ', a.is_default)
            FROM contact_address AS a
            WHERE a.owner_id = c.owner_id AND a.contact_id = c.id
        )
    ) AS private,
    JSON_INSERT(JSON_OBJECT(
        'id', CONCAT(
            LEFT(c.id, 8), '-', SUBSTR(c.id, 9, 4), '-4', SUBSTR(c.id, 13, 3), '-8', RIGHT(c.id, 1),
            '00-000000000000'
        ),
        'display_name', c.full_name,
        'first_name', c.firstname,
        'last_name', c.lastname,
        -- in pieces of at most 500 characters: MariaDB aggregates longer texts in a table on disk, which
        -- costs more than all the rest
        'emails', JSON_COMPACT(CONCAT('[', COALESCE((
            SELECT GROUP_CONCAT(CAST(JSON_OBJECT(
                'address', e.email, 'label', IF(
                    e.category = 'prof' AND e.label <> 'work', LEFT(CONCAT('work ', e.label), 32),
                    COALESCE(e.label, IF(e.category = 'prof', 'work', 'personal'))
                ),
                'primary', e.is_default = 1
            ) AS CHAR(500)) ORDER BY e.position)
            FROM contact_email AS e
            WHERE e.owner_id = c.owner_id AND e.contact_id = c.id
        ), ''), ']')),
        'phones', JSON_COMPACT(CONCAT('[', COALESCE((
            -- without a default number, the first one is primary
            SELECT GROUP_CONCAT(CAST(JSON_OBJECT(
                'number', TRIM(CONCAT(p.areacode, ' ', p.phone)),
                'label', IF(
                    p.category = 'prof' AND p.label <> 'work', LEFT(CONCAT('work ', p.label), 32),
                    COALESCE(p.label, IF(p.category = 'prof', 'work', 'mobile'))
                ),
                'primary', p.is_default = 1 OR NOT EXISTS (
                    SELECT 1 FROM contact_phone AS b
                    WHERE b.owner_id = p.owner_id AND b.contact_id = p.contact_id
                      AND (b.is_default = 1 OR b.position < p.position)
                )
            ) AS CHAR(500)) ORDER BY p.position)
            FROM contact_phone AS p
            WHERE p.owner_id = c.owner_id AND p.contact_id = c.id
        ), ''), ']')),
        'company', c.company,
        'job_title', c.job_title,
        'addresses', JSON_COMPACT(CONCAT('[', COALESCE((
            SELECT GROUP_CONCAT(
                CAST(SUBSTR(a.record, 1, 500) AS CHAR(500)),
                CAST(SUBSTR(a.record, 501, 500) AS CHAR(500)),
                CAST(SUBSTR(a.record, 1001, 500) AS CHAR(500)),
                CAST(SUBSTR(a.record, 1501, 500) AS CHAR(500)),
                CAST(SUBSTR(a.record, 2001, 500) AS CHAR(500))
                ORDER BY a.position
            )
            FROM address_sheet AS a
            WHERE a.owner_id = c.owner_id AND a.contact_id = c.id
        ), ''), ']')),
        'notes', NULLIF(c.comment, ''),
        'avatar_path', c.avatar_path,
        'tags', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(t.name ORDER BY t.name COLLATE utf8mb4_unicode_520_ci, t.name)
            FROM assigned_tag AS t
            WHERE t.owner_id = c.owner_id AND t.entity_id = c.id
        ), '[]')),
        'custom_fields', JSON_COMPACT(c.custom_fields),
        'source', COALESCE(c.origin, 'local'),
        'source_id', c.source_id,
        'created_at', NULL,
        'updated_at', NULL,
        'synced_at', CONCAT(REPLACE(c.synced_at, ' ', 'T'), 'Z'),
        'deleted_at', NULL,
        'archived', c.is_archived = 1,
        'groups', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(g.name ORDER BY g.name, g.id)
            FROM contact_group_member AS m FORCE INDEX (by_contact)
            STRAIGHT_JOIN contact_group AS g FORCE INDEX (PRIMARY)
               ON g.owner_id = m.owner_id AND g.id = m.group_id
            WHERE m.owner_id = c.owner_id AND m.contact_id = c.id
        ), '[]'))
    ), IF(c.extra IS NULL, '$.id', '$.extra'), JSON_COMPACT(c.extra)) AS record
FROM contact AS c
WHERE c.box <> 'hidden';
