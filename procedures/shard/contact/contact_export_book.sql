-- contact_export_book: list the tags, the groups and the numbers of columns for a file of the owner's
-- contacts.
--
-- Params:   in_owner   owner of the address book
-- Returns:  one row    data  JSON: email, mobile, address (the most that one contact has), tag
--                            (array of name, position and parent, in the order of the list),
--                            group (array of name, comment and, of one that came in a card, card,
--                            avatar and member: array of id and uid, that of the card or null)
-- Errors:   none
-- Example:  CALL contact_export_book('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_export_book(
    IN in_owner CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT(
        'email', (SELECT COALESCE(MAX(n), 0) FROM (
            SELECT COUNT(*) AS n FROM contact_email
            WHERE owner_id = in_owner
              AND contact_id NOT IN (SELECT id FROM contact WHERE owner_id = in_owner AND box = 'trash')
            GROUP BY contact_id) AS e),
        'mobile', (SELECT COALESCE(MAX(n), 0) FROM (
            SELECT COUNT(*) AS n FROM contact_phone
            WHERE owner_id = in_owner
              AND contact_id NOT IN (SELECT id FROM contact WHERE owner_id = in_owner AND box = 'trash')
            GROUP BY contact_id) AS p),
        'address', (SELECT COALESCE(MAX(n), 0) FROM (
            SELECT COUNT(*) AS n FROM contact_address
            WHERE owner_id = in_owner AND CONCAT(street, city, state, postal_code, country) <> ''
              AND contact_id NOT IN (SELECT id FROM contact WHERE owner_id = in_owner AND box = 'trash')
            GROUP BY contact_id) AS a),
        'tag', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(JSON_OBJECT('name', t.name, 'position', t.rank, 'parent', t.parent)
                                 ORDER BY t.rank)
            FROM (
                SELECT k.name, p.name AS parent, ROW_NUMBER() OVER (ORDER BY k.position, k.name) AS rank
                FROM tag AS k
                LEFT JOIN tag AS p ON p.owner_id = k.owner_id AND p.tag_id = k.parent_tag_id
                WHERE k.owner_id = in_owner
            ) AS t
        ), '[]')),
        'group', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(JSON_COMPACT(
                IF(g.card IS NULL, JSON_OBJECT('name', g.name, 'comment', g.comment), JSON_OBJECT(
                    'name', g.name, 'comment', g.comment, 'card', g.card, 'avatar', g.avatar,
                    'member', JSON_COMPACT(COALESCE((
                        SELECT JSON_ARRAYAGG(JSON_OBJECT('id', c.id, 'uid', v.uid) ORDER BY c.id)
                        FROM contact_group_member AS m
                        JOIN contact AS c
                          ON c.owner_id = in_owner AND c.id = m.contact_id AND c.box IN ('active', 'archived')
                        LEFT JOIN contact_vcard AS v ON v.owner_id = in_owner AND v.contact_id = c.id
                        WHERE m.owner_id = in_owner AND m.group_id = g.id
                    ), '[]'))
                ))) ORDER BY g.name
            )
            FROM contact_group AS g WHERE g.owner_id = in_owner
        ), '[]'))
    ) AS data;
END$$
DELIMITER ;
