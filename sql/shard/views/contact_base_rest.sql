-- contact_base_rest: what follows contact_base in the full contact, up to its first tag. contact_full and
-- contact_document join both; contact_render puts the same parts together for one contact.
CREATE OR REPLACE VIEW contact_base_rest AS
SELECT
    k.owner_id,
    k.id,
    CONCAT(
        k.more,
        -- in pieces of at most 500 characters: MariaDB aggregates longer texts in a table on disk
        ', "email": [', COALESCE((
            SELECT GROUP_CONCAT(CAST(e.full AS CHAR(500)) ORDER BY e.position SEPARATOR ', ')
            FROM assigned_email AS e
            WHERE e.owner_id = k.owner_id AND e.contact_id = k.id
        ), ''),
        '], "mobile": [', COALESCE((
            SELECT GROUP_CONCAT(CAST(p.full AS CHAR(500)) ORDER BY p.position SEPARATOR ', ')
            FROM assigned_phone AS p
            WHERE p.owner_id = k.owner_id AND p.contact_id = k.id
        ), ''),
        '], "address": [', COALESCE((
            SELECT GROUP_CONCAT(
                CAST(SUBSTR(a.full, 1, 500) AS CHAR(500)),
                CAST(SUBSTR(a.full, 501, 500) AS CHAR(500)),
                CAST(SUBSTR(a.full, 1001, 500) AS CHAR(500)),
                CAST(SUBSTR(a.full, 1501, 500) AS CHAR(500)),
                CAST(SUBSTR(a.full, 2001, 500) AS CHAR(500))
                ORDER BY a.position SEPARATOR ', '
            )
            FROM address_sheet AS a
            WHERE a.owner_id = k.owner_id AND a.contact_id = k.id
        ), ''),
        '], "tag": ['
    ) AS rest
FROM contact_base AS k;
