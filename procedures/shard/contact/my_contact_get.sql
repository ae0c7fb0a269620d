-- my_contact_get: one contact of the owner in full, with addresses, numbers and tags (contract 3.2).
--
-- The lists are put together row by row: JSON_ARRAYAGG would make a temporary table on disk for each of them,
-- which costs more than everything else here.
--
-- Params:   in_owner   whose address book
--           in_id      contact
-- Returns:  at most one row   data  JSON, the full contact
-- Errors:   none
-- Example:  CALL my_contact_get('00000000000000a1', '0000000000000000');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_get(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_email, v_mobile, v_address, v_tag LONGTEXT DEFAULT '';

    FOR e IN (
        SELECT id, email, category, is_default, label
        FROM contact_email
        WHERE owner_id = in_owner AND contact_id = in_id
        ORDER BY position
    ) DO
        SET v_email = CONCAT(v_email, ',', JSON_OBJECT(
            'email_id', e.id, 'email', e.email, 'category', e.category, 'is_default', e.is_default + 0,
            'label', label_of(e.label, e.category, 'personal')
        ));
    END FOR;

    FOR p IN (
        SELECT id, areacode, phone, category, is_default, label
        FROM contact_phone
        WHERE owner_id = in_owner AND contact_id = in_id
        ORDER BY position
    ) DO
        SET v_mobile = CONCAT(v_mobile, ',', JSON_OBJECT(
            'phone_id', p.id, 'areacode', p.areacode, 'phone', p.phone, 'category', p.category,
            'is_default', p.is_default + 0, 'label', label_of(p.label, p.category, 'mobile')
        ));
    END FOR;

    FOR a IN (
        SELECT id, street, city, state, postal_code, country, category, is_default, label
        FROM contact_address
        WHERE owner_id = in_owner AND contact_id = in_id
        ORDER BY position
    ) DO
        SET v_address = CONCAT(v_address, ',', JSON_OBJECT(
            'address_id', a.id, 'street', a.street, 'city', a.city, 'country', a.country,
            'category', a.category, 'is_default', a.is_default + 0, 'state', a.state, 'postal_code', a.postal_code,
            'label', label_of(a.label, a.category, 'home')
        ));
    END FOR;

    FOR t IN (
        SELECT g.tag_id, g.parent_tag_id, g.name, g.position
        FROM map_tag AS m
        JOIN tag AS g ON g.owner_id = m.owner_id AND g.tag_id = m.tag_id
        WHERE m.owner_id = in_owner AND m.entity_id = in_id
        ORDER BY g.position, g.tag_id
    ) DO
        SET v_tag = CONCAT(v_tag, ',', JSON_OBJECT(
            'tag_id', t.tag_id, 'parent_tag_id', t.parent_tag_id, 'name', t.name, 'position', t.position + 0
        ));
    END FOR;

    SELECT JSON_INSERT(
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
        '$.synced_at', iso_time(c.synced_at),
        '$.email', JSON_COMPACT(CONCAT('[', SUBSTR(v_email, 2), ']')),
        '$.mobile', JSON_COMPACT(CONCAT('[', SUBSTR(v_mobile, 2), ']')),
        '$.address', JSON_COMPACT(CONCAT('[', SUBSTR(v_address, 2), ']')),
        '$.tag', JSON_COMPACT(CONCAT('[', SUBSTR(v_tag, 2), ']'))
    ) AS data
    FROM contact AS c
    JOIN contact_card AS k ON k.owner_id = c.owner_id AND k.id = c.id
    WHERE c.owner_id = in_owner AND c.id = in_id;
END$$
DELIMITER ;
