-- my_contact_import_known: find the contacts for which my_contact_import left people of a batch out.
--
-- Of several contacts with an address of the person, the one of the same name is taken, then one that stands
-- for the address or an account: first one whose name agrees (names_agree), because my_contact_import left
-- the person out for it, then the oldest.
--
-- Params:   in_owner      owner of the address book
--           in_contacts   JSON array: id (as my_contact_import got it), uid, entity, name, names (all of
--                         them, as my_contact_import compares them; absent: name), email (array of objects
--                         with email)
-- Returns:  rows          id; contact_id: NULL when no contact of the book stands for them; reason:
--                         `yourself`, `a colleague`, `an invitation of theirs waits`, or `` for a
--                         contact of the book; data  JSON, that contact (contact_full), with group
--                         (names), extra, vcard (uid and card, or null), phone_region and own_number
--                         of the owner
-- Errors:   none
-- Example:  CALL my_contact_import_known('00000000000000a1', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_import_known(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_contacts LONGTEXT
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    WITH person AS (
        SELECT j.id, j.uid, j.former, name_key(j.name) AS name, COALESCE(j.names, j.name) AS names, j.email,
               d.id AS peer_id
        FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
            id     CHAR(16) COLLATE ascii_bin PATH '$.id',
            uid    VARCHAR(64) COLLATE ascii_bin PATH '$.uid',
            former CHAR(16) COLLATE ascii_bin PATH '$.entity',
            name   VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.name',
            names  VARCHAR(1023) COLLATE utf8mb4_unicode_520_ci PATH '$.names',
            NESTED PATH '$.email[*]' COLUMNS (email VARCHAR(255) COLLATE utf8mb4_bin PATH '$.email')
        )) AS j
        LEFT JOIN contact AS n FORCE INDEX (PRIMARY) ON n.owner_id = in_owner AND n.id = j.id
        LEFT JOIN yp.drumate AS d ON d.email = j.email
        WHERE n.id IS NULL
    ), candidate AS (
        SELECT p.id, p.name, p.names, m.contact_id
        FROM person AS p
        JOIN contact_email AS m FORCE INDEX (by_address) ON m.owner_id = in_owner AND m.email = p.email
        UNION
        SELECT p.id, p.name, p.names, c.id
        FROM person AS p
        JOIN contact AS c FORCE INDEX (by_entity) ON c.owner_id = in_owner AND c.entity = p.email
        UNION
        SELECT p.id, p.name, p.names, c.id
        FROM person AS p
        JOIN contact AS c FORCE INDEX (by_entity) ON c.owner_id = in_owner AND c.entity = p.former
        UNION
        SELECT p.id, p.name, p.names, c.id
        FROM person AS p
        JOIN contact AS c FORCE INDEX (by_peer) ON c.owner_id = in_owner AND c.peer_id = p.peer_id
        UNION
        SELECT p.id, p.name, p.names, c.id
        FROM person AS p
        JOIN contact AS c FORCE INDEX (by_peer) ON c.owner_id = in_owner AND c.peer_id = p.uid
    ), ranked AS (
        SELECT k.id, c.id AS contact_id, c.box,
               ROW_NUMBER() OVER (
                   PARTITION BY k.id
                   ORDER BY EXISTS (
                       SELECT 1
                       FROM contact_index AS i FORCE INDEX (PRIMARY)
                       WHERE i.owner_id = in_owner AND i.is_deleted = 0 AND i.kind = 'name'
                         AND i.word = k.name AND i.contact_id = c.id
                   ) DESC,
                   -- only of one that stands for somebody: an address may have thousands of others
                   IF(c.entity = c.id, 0, names_agree(k.names, COALESCE(
                       NULLIF(CONCAT_WS(' ', c.display_name, c.surname, c.firstname, c.lastname), ''),
                       c.company
                   ))) DESC,
                   c.entity = c.id, c.ctime, c.id
               ) AS turn
        FROM candidate AS k
        JOIN contact AS c FORCE INDEX (PRIMARY)
          ON c.owner_id = in_owner AND c.id = k.contact_id AND c.deleted_at IS NULL
    )
    SELECT p.id, IF(r.box = 'hidden', NULL, r.contact_id) AS contact_id,
           IF(MAX(p.peer_id = in_owner) = 1, 'yourself', IF(r.box = 'hidden', 'an invitation of theirs waits',
              IF(r.contact_id IS NULL, 'a colleague', ''))) AS reason,
           JSON_SET(f.data, '$.group', JSON_COMPACT(COALESCE((
               SELECT JSON_ARRAYAGG(g.name ORDER BY g.name)
               FROM contact_group_member AS m FORCE INDEX (by_contact)
               STRAIGHT_JOIN contact_group AS g FORCE INDEX (PRIMARY)
                  ON g.owner_id = in_owner AND g.id = m.group_id
               WHERE m.owner_id = in_owner AND m.contact_id = r.contact_id
           ), '[]')), '$.extra', (
               SELECT JSON_COMPACT(c.extra) FROM contact AS c
               WHERE c.owner_id = in_owner AND c.id = r.contact_id
           ), '$.vcard', (
               SELECT JSON_COMPACT(JSON_OBJECT('uid', v.uid, 'card', v.card))
               FROM contact_vcard AS v
               WHERE v.owner_id = in_owner AND v.contact_id = r.contact_id AND v.card IS NOT NULL
           ), '$.phone_region', JSON_VALUE(o.profile, '$.phone_region'),
           '$.own_number', JSON_VALUE(o.profile, '$.mobile')) AS data
    FROM person AS p
    LEFT JOIN ranked AS r ON r.id = p.id AND r.turn = 1
    LEFT JOIN contact_full AS f ON f.owner_id = in_owner AND f.id = r.contact_id AND r.box <> 'hidden'
    LEFT JOIN yp.drumate AS o ON o.id = in_owner
    GROUP BY p.id;
END$$
DELIMITER ;
