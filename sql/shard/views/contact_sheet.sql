-- contact_sheet: one contact, in the address book or in the trash, as the REST API shows it, without the
-- times that only contact_record knows: the outline (contact_outline) with its lists. contacts_render makes
-- records of it; contact_render puts the same parts together for one contact, with fewer tables in memory.
CREATE OR REPLACE VIEW contact_sheet AS
SELECT
    c.owner_id,
    c.id,
    c.full_name,
    -- names and company; after a separator, the numbers in international form in their order, - for others
    CONCAT(c.names, COALESCE((
        SELECT CONCAT(_utf8mb4 x'1F', GROUP_CONCAT(p.international ORDER BY p.position SEPARATOR ' '))
        FROM assigned_phone AS p
        WHERE p.owner_id = c.owner_id AND p.contact_id = c.id
    ), '')) AS names,
    c.ctime,
    c.mtime,
    c.state,
    -- position, length of the area code, default; position, default: without an order, which would take time
    JSON_REPLACE(
        c.private,
        '$.phones', (
            SELECT GROUP_CONCAT(p.private)
            FROM assigned_phone AS p
            WHERE p.owner_id = c.owner_id AND p.contact_id = c.id
        ),
        '$.addresses', (
            SELECT GROUP_CONCAT(a.private)
            FROM address_sheet AS a
            WHERE a.owner_id = c.owner_id AND a.contact_id = c.id
        )
    ) AS private,
    JSON_REPLACE(
        c.record,
        -- in pieces of at most 500 characters: MariaDB aggregates longer texts in a table on disk, which
        -- costs more than all the rest
        '$.emails', JSON_COMPACT(CONCAT('[', COALESCE((
            SELECT GROUP_CONCAT(CAST(e.record AS CHAR(500)) ORDER BY e.position)
            FROM assigned_email AS e
            WHERE e.owner_id = c.owner_id AND e.contact_id = c.id
        ), ''), ']')),
        '$.phones', JSON_COMPACT(CONCAT('[', COALESCE((
            SELECT GROUP_CONCAT(CAST(p.record AS CHAR(500)) ORDER BY p.position)
            FROM assigned_phone AS p
            WHERE p.owner_id = c.owner_id AND p.contact_id = c.id
        ), ''), ']')),
        '$.addresses', JSON_COMPACT(CONCAT('[', COALESCE((
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
        '$.tags', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(t.name ORDER BY t.name COLLATE utf8mb4_unicode_520_ci, t.name)
            FROM assigned_tag AS t
            WHERE t.owner_id = c.owner_id AND t.entity_id = c.id
        ), '[]')),
        '$.groups', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(g.name ORDER BY g.name, g.id)
            FROM contact_group_member AS m FORCE INDEX (by_contact)
            STRAIGHT_JOIN contact_group AS g FORCE INDEX (PRIMARY)
               ON g.owner_id = m.owner_id AND g.id = m.group_id
            WHERE m.owner_id = c.owner_id AND m.contact_id = c.id
        ), '[]'))
    ) AS record
FROM contact_outline AS c;
