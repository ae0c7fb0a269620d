-- contact_full: one contact with all its entries, as the RPC shows it: contact_card, contact_base_rest, tags.
-- See docs/frontend-contract.md#contact-record. Routines select `data` from it.
CREATE OR REPLACE VIEW contact_full AS
SELECT
    f.owner_id,
    f.id,
    CONCAT(
        TRIM(TRAILING '}' FROM JSON_REMOVE(k.data, '$.email')), f.rest,
        -- in pieces of at most 500 characters: MariaDB aggregates longer texts in a table on disk
        COALESCE((
            SELECT GROUP_CONCAT(
                CAST(SUBSTR(t.data, 1, 500) AS CHAR(500)),
                CAST(SUBSTR(t.data, 501, 500) AS CHAR(500))
                ORDER BY t.position, t.tag_id SEPARATOR ', '
            )
            FROM assigned_tag AS t
            WHERE t.owner_id = f.owner_id AND t.entity_id = f.id
        ), ''), ']}'
    ) AS data
FROM contact_base_rest AS f
JOIN contact_card AS k ON k.owner_id = f.owner_id AND k.id = f.id;
