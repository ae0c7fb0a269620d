-- my_card_open: return what a PUT or DELETE of a card finds in the owner's address book.
--
-- Params:   in_owner    owner of the address book, locked by the caller (contact_pair_lock)
--           in_name     name of the card
--           in_uid      UID of the card that is sent, or NULL
--           in_emails   JSON array of the addresses that it has, the default one first
-- Returns:  one row     rev (of the address book), id (of the contact with this name, in the book, the
--                       archive or the trash; without one, that in the archive with this UID; or NULL),
--                       etag, box (active, archived or trash), avatar_path, holder (name of the other card
--                       in the book with this UID, or NULL), refused (JSON array of addresses that the
--                       contact cannot have: the owner's own, and those of colleagues), group_id and
--                       group_etag (of the group with this name, or NULL)
-- Errors:   none
-- Example:  CALL my_card_open('00000000000000a1', '0000000000000c01.vcf', NULL, '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_card_open(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_name   VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_uid    VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_emails LONGTEXT
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_archived_id, v_group_id CHAR(16) COLLATE ascii_bin;
    -- as contact_sheet writes the UUID of an id
    DECLARE v_uid_id CHAR(16) COLLATE ascii_bin DEFAULT CONVERT(REGEXP_REPLACE(IF(
        in_uid REGEXP '^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]00-0{12}$', in_uid, NULL
    ), '^urn:uuid:(.{8})-(.{4})-4(.{3})-8(.)00-0{12}$', '\\1\\2\\3\\4') USING ascii);
    DECLARE v_holder VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_refused LONGTEXT;

    -- unlocked, as all reads below: the caller has locked the owner
    SELECT c.id INTO v_id
    FROM (SELECT COALESCE(
              (SELECT contact_id FROM contact_vcard WHERE owner_id = in_owner AND name = in_name),
              CONVERT(LEFT(in_name, 16) USING ascii) COLLATE ascii_bin
          ) AS id) AS k
    STRAIGHT_JOIN contact AS c ON c.owner_id = in_owner AND c.id = k.id AND c.box <> 'hidden'
    STRAIGHT_JOIN contact_member AS m
       ON m.owner_id = in_owner AND m.contact_id = c.id AND m.name = in_name;

    SELECT g.id INTO v_group_id
    FROM (SELECT COALESCE(
              (SELECT id FROM contact_group WHERE owner_id = in_owner AND card_name = in_name),
              CONVERT(LEFT(in_name, 16) USING ascii) COLLATE ascii_bin
          ) AS id) AS k
    STRAIGHT_JOIN contact_group AS g ON g.owner_id = in_owner AND g.id = k.id
    STRAIGHT_JOIN group_resource AS r
       ON r.owner_id = in_owner AND r.group_id = g.id AND r.name = in_name;

    -- the card of a contact without a UID has the UUID of the contact for one; a contact in the trash gives
    -- its UID up
    SELECT MIN(IF(m.is_listed = 1, m.name, NULL)), MIN(IF(c.box = 'archived', c.id, NULL))
    INTO v_holder, v_archived_id
    FROM (
        SELECT contact_id FROM contact_vcard WHERE owner_id = in_owner AND uid = in_uid
        UNION ALL
        SELECT r.contact_id
        FROM contact_record AS r
        LEFT JOIN contact_vcard AS v ON v.owner_id = in_owner AND v.contact_id = r.contact_id
        WHERE r.owner_id = in_owner AND r.contact_id = v_uid_id AND v.uid IS NULL
    ) AS k
    JOIN contact_member AS m ON m.owner_id = in_owner AND m.contact_id = k.contact_id
    JOIN contact AS c ON c.owner_id = in_owner AND c.id = k.contact_id AND c.deleted_at IS NULL
    WHERE k.contact_id <> COALESCE(v_id, '');
    SELECT COALESCE(v_holder, MIN(r.name)) INTO v_holder
    FROM (
        SELECT id FROM contact_group WHERE owner_id = in_owner AND uid = in_uid
        UNION ALL
        SELECT id FROM contact_group WHERE owner_id = in_owner AND id = v_uid_id AND uid IS NULL
    ) AS k
    JOIN group_resource AS r ON r.owner_id = in_owner AND r.group_id = k.id
    WHERE k.id <> COALESCE(v_group_id, '');
    -- the client cannot see it, so its card comes back instead of a second one
    SET v_id = COALESCE(v_id, IF(v_holder IS NULL, v_archived_id, NULL));

    SELECT JSON_ARRAYAGG(j.email) INTO v_refused
    FROM JSON_TABLE(in_emails, '$[*]' COLUMNS (
        position FOR ORDINALITY,
        email    VARCHAR(255) COLLATE utf8mb4_bin PATH '$'
    )) AS j
    JOIN yp.drumate AS me ON me.id = in_owner
    LEFT JOIN yp.drumate AS d ON d.email = j.email
    LEFT JOIN contact_email AS e ON e.owner_id = in_owner AND e.contact_id = v_id AND e.email = j.email
    WHERE j.email = me.email
       OR (me.domain_id > 1 AND d.domain_id = me.domain_id
           AND (e.email IS NULL OR j.position = 1 AND e.is_default = 0));

    SELECT COALESCE((SELECT rev FROM contact_ledger WHERE owner_id = in_owner), 0) AS rev, c.id, m.etag,
           c.box, c.avatar_path, v_holder AS holder, COALESCE(v_refused, '[]') AS refused,
           v_group_id AS group_id, r.etag AS group_etag
    FROM (SELECT 1) AS one
    LEFT JOIN contact AS c ON c.owner_id = in_owner AND c.id = v_id
    LEFT JOIN contact_member AS m ON m.owner_id = in_owner AND m.contact_id = c.id
    LEFT JOIN group_resource AS r ON r.owner_id = in_owner AND r.group_id = v_group_id;
END$$
DELIMITER ;
