-- contact_export: list the next contacts of the owner in full, in an order that depends only on their
-- content.
--
-- Params:   in_owner     owner of the address book
--           in_box       active or archived
--           in_display   name of the last contact of the page before; NULL for the first page
--           in_email     key of that contact
--           in_size      rows a page
-- Returns:  rows         data  JSON: id, display, key (for the next page), firstname, lastname, surname,
--                              display_name ('' when not set), company, job_title, comment, archived,
--                              custom_fields and extra (objects or NULL), avatar_path, source, source_id,
--                              synced_at (ISO 8601 or ''), email, mobile, address (arrays of objects; no
--                              empty address; label is '' for a private one without), tag, group (arrays of
--                              names), uid (of the registered user when the default address does not name
--                              them, else NULL), entity (of a contact without address and account, else
--                              NULL), updated_at (ISO 8601), picture (SHA-256, or NULL), vcard (NULL, or of
--                              the card that the contact came in: uid, card, and is_current, 1 when the
--                              contact has not changed since)
-- Errors:   none
-- Example:  CALL contact_export('00000000000000a1', 'active', NULL, '', 500);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_export(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_box     VARCHAR(16) COLLATE ascii_bin,
    IN in_display VARCHAR(255),
    IN in_email   VARCHAR(300) COLLATE utf8mb4_bin,
    IN in_size    INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_moved_to VARCHAR(64) COLLATE ascii_bin;

    -- a download that began before its owner moved to another shard must fail, not end early
    SELECT to_db INTO v_moved_to FROM moved_out WHERE owner_id = in_owner;
    IF v_moved_to IS NOT NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING';
    END IF;

    SELECT JSON_OBJECT(
        'id', c.id, 'display', c.display, 'key', CONCAT(COALESCE(c.email, c.entity), ' ', c.id),
        'firstname', COALESCE(c.firstname, ''), 'lastname', COALESCE(c.lastname, ''),
        'surname', COALESCE(c.surname, ''), 'display_name', COALESCE(c.display_name, ''),
        'company', COALESCE(c.company, ''), 'job_title', COALESCE(c.job_title, ''),
        'comment', COALESCE(c.comment, ''), 'archived', c.is_archived,
        'custom_fields', JSON_COMPACT(c.custom_fields), 'extra', JSON_COMPACT(c.extra),
        'avatar_path', COALESCE(c.avatar_path, ''),
        'source', COALESCE(c.origin, ''), 'source_id', COALESCE(c.source_id, ''),
        'synced_at', COALESCE(CONCAT(REPLACE(c.synced_at, ' ', 'T'), 'Z'), ''), 'email',
        JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(JSON_OBJECT('email', e.email, 'category', e.category,
                                             'is_default', e.is_default,
                                             'label', COALESCE(e.label, IF(e.category = 'prof', 'work', '')))
                                 ORDER BY e.position)
            FROM contact_email AS e WHERE e.owner_id = in_owner AND e.contact_id = c.id
        ), '[]')),
        'mobile', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(JSON_OBJECT('areacode', p.areacode, 'phone', p.phone, 'category', p.category,
                                             'is_default', p.is_default,
                                             'label', COALESCE(p.label, IF(p.category = 'prof', 'work', '')))
                                             ORDER BY p.position)
            FROM contact_phone AS p WHERE p.owner_id = in_owner AND p.contact_id = c.id
        ), '[]')),
        'address', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(JSON_OBJECT('street', a.street, 'city', a.city, 'state', a.state,
                                             'postal_code', a.postal_code, 'country', a.country,
                                             'category', a.category, 'is_default', a.is_default,
                                             'label', COALESCE(a.label, IF(a.category = 'prof', 'work', '')))
                                             ORDER BY a.position)
            FROM contact_address AS a
            WHERE a.owner_id = in_owner AND a.contact_id = c.id
              AND CONCAT(a.street, a.city, a.state, a.postal_code, a.country) <> ''
        ), '[]')),
        'tag', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(t.name ORDER BY t.name COLLATE utf8mb4_unicode_520_ci, t.name)
            FROM map_tag AS m
            JOIN tag AS t ON t.owner_id = in_owner AND t.tag_id = m.tag_id
            WHERE m.owner_id = in_owner AND m.entity_id = c.id
        ), '[]')),
        'group', JSON_COMPACT(COALESCE((
            SELECT JSON_ARRAYAGG(g.name ORDER BY g.name)
            FROM contact_group_member AS m
            JOIN contact_group AS g ON g.owner_id = in_owner AND g.id = m.group_id
            WHERE m.owner_id = in_owner AND m.contact_id = c.id
        ), '[]')),
        'updated_at', (
            SELECT CONCAT(REPLACE(GREATEST(r.updated_at, TIMESTAMPADD(SECOND, c.mtime, '1970-01-01')),
                                  ' ', 'T'), 'Z')
            FROM contact_record AS r WHERE r.owner_id = in_owner AND r.contact_id = c.id
        ),
        'picture', (SELECT p.hash FROM contact_picture AS p
                    WHERE p.owner_id = in_owner AND p.contact_id = c.id
                      -- after a revert, a later picture may still be there
                      AND c.avatar_path LIKE CONCAT('%/avatar/', LEFT(p.hash, 16))),
        'uid', (SELECT d.id FROM yp.drumate AS d
                WHERE d.id = c.peer_id AND (c.email IS NULL OR d.email <> c.email)),
        'entity', IF(c.email IS NULL AND c.peer_id IS NULL, c.entity, NULL), 'vcard',
        JSON_COMPACT((
            SELECT JSON_OBJECT('uid', v.uid, 'card', v.card, 'is_current', IF(v.rev = r.rev, 1, 0))
            FROM contact_vcard AS v
            STRAIGHT_JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = c.id
            WHERE v.owner_id = in_owner AND v.contact_id = c.id AND v.card IS NOT NULL
        ))
    ) AS data
    FROM contact AS c FORCE INDEX (by_name)
    WHERE c.owner_id = in_owner
      AND c.box = in_box
      AND (in_display IS NULL
           OR c.display > in_display
           OR (c.display = in_display AND CONCAT(COALESCE(c.email, c.entity), ' ', c.id) > in_email))
    ORDER BY c.display, CONCAT(COALESCE(c.email, c.entity), ' ', c.id)
    LIMIT in_size;
END$$
DELIMITER ;
