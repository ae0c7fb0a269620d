-- my_contact_get: one contact of the owner in full, with addresses, numbers and tags (contract 3.2).
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
    SELECT JSON_MERGE_PATCH(JSON_INSERT(k.data, '$.invitetime', c.invitetime), JSON_OBJECT(
        'contact_id', c.id,
        'message', COALESCE(c.message, ''),
        'source', COALESCE(JSON_VALUE(c.metadata, '$.source'), c.entity),
        'metadata', JSON_COMPACT(c.metadata),
        'email', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(JSON_OBJECT(
                'email_id', e.id, 'email', e.email, 'category', e.category, 'is_default', e.is_default
            ) ORDER BY e.position)
            FROM contact_email AS e
            WHERE e.owner_id = c.owner_id AND e.contact_id = c.id
        ), '[]')),
        'mobile', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(JSON_OBJECT(
                'phone_id', p.id, 'areacode', p.areacode, 'phone', p.phone, 'category', p.category,
                'is_default', p.is_default
            ) ORDER BY p.position)
            FROM contact_phone AS p
            WHERE p.owner_id = c.owner_id AND p.contact_id = c.id
        ), '[]')),
        'address', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(JSON_OBJECT(
                'address_id', a.id, 'street', a.street, 'city', a.city, 'country', a.country,
                'category', a.category, 'is_default', a.is_default
            ) ORDER BY a.position)
            FROM contact_address AS a
            WHERE a.owner_id = c.owner_id AND a.contact_id = c.id
        ), '[]')),
        'tag', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(JSON_OBJECT(
                'tag_id', t.tag_id, 'parent_tag_id', t.parent_tag_id, 'name', t.name, 'position', t.position
            ) ORDER BY t.position, t.tag_id)
            FROM map_tag AS m
            JOIN tag AS t ON t.owner_id = m.owner_id AND t.tag_id = m.tag_id
            WHERE m.owner_id = c.owner_id AND m.entity_id = c.id
        ), '[]'))
    )) AS data
    FROM contact AS c
    JOIN contact_card AS k ON k.owner_id = c.owner_id AND k.id = c.id
    WHERE c.owner_id = in_owner AND c.id = in_id;
END$$
DELIMITER ;
