-- my_card_group_put: store the card of a group, as a new group or in place of one.
--
-- Members of the card that no contact of the book is are kept, and join with their cards (my_card_put).
-- Members that CardDAV does not show, in the archive or the trash, stay. A name that another group has gets a
-- number: no card is refused for it.
--
-- Params:   in_owner   owner of the address book, locked by the caller (my_card_open)
--           in_id      group; NULL: a new one
--           in_name    name of the card, which no card in the book has besides that of the group
--           in_group   JSON: name, comment, card (text in normal form), uid (or absent), version, sent
--                      (base64 of the bytes; absent: they are not kept), member (array of uid, without
--                      urn:uuid:, and id, that of the contact whose UUID it is, or null)
-- Returns:  one row    data  JSON: group_id, etag (view group_resource), added, removed, changed (1: another
--                      name or note), member_count
--           one row    data  JSON (group_card)
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL my_card_group_put('00000000000000a1', NULL, 'team.vcf',
--           '{"name": "Team", "comment": "", "card": "", "version": "3.0", "member": []}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_card_group_put(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    CHAR(16) COLLATE ascii_bin,
    IN in_name  VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_group LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_id CHAR(16) COLLATE ascii_bin DEFAULT COALESCE(in_id, LOWER(HEX(RANDOM_BYTES(8))));
    DECLARE v_uid VARCHAR(255) COLLATE utf8mb4_bin DEFAULT JSON_VALUE(in_group, '$.uid');
    DECLARE v_base, v_name VARCHAR(255) DEFAULT JSON_VALUE(in_group, '$.name');
    DECLARE v_comment TEXT DEFAULT NULLIF(JSON_VALUE(in_group, '$.comment'), '');
    DECLARE v_old_name VARCHAR(255);
    DECLARE v_old_comment TEXT;
    DECLARE v_number INT UNSIGNED DEFAULT 1;
    -- a name that nobody else has, for the contact that gives up its own
    DECLARE v_suffix VARCHAR(16) COLLATE ascii_bin DEFAULT CONCAT('-', LOWER(HEX(RANDOM_BYTES(4))), '.vcf');
    DECLARE v_name_id CHAR(16) COLLATE ascii_bin
        DEFAULT IF(in_name REGEXP '^[0-9a-f]{16}[.]vcf$', LEFT(in_name, 16), NULL);
    DECLARE v_renamed, v_changed TINYINT DEFAULT 0;
    DECLARE v_members, v_added, v_removed, v_stale LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: the owner is locked
    WHILE EXISTS (SELECT 1 FROM contact_group WHERE owner_id = in_owner AND name = v_name AND id <> v_id) DO
        SET v_number = v_number + 1, v_name = CONCAT(LEFT(v_base, 240), ' (', v_number, ')');
    END WHILE;
    -- unlocked: the owner is locked
    SELECT name, comment INTO v_old_name, v_old_comment
    FROM contact_group
    WHERE owner_id = in_owner AND id = v_id;
    SET v_renamed = in_id IS NOT NULL AND MD5(v_old_name) <> MD5(v_name),
        v_changed = v_renamed
                    OR in_id IS NOT NULL AND MD5(COALESCE(v_old_comment, '')) <> MD5(COALESCE(v_comment, ''));

    -- a contact in the trash, or a tombstone, gives up the UID and the name
    UPDATE contact_vcard SET uid = NULL WHERE owner_id = in_owner AND uid = v_uid;
    UPDATE contact_vcard
    SET name = CONCAT(contact_id, v_suffix)
    WHERE owner_id = in_owner AND name = in_name;
    INSERT INTO contact_vcard (owner_id, name, contact_id, rev, card)
    SELECT in_owner, CONCAT(id, v_suffix), id, 0, 'BEGIN:VCARD\nEND:VCARD\n'
    FROM contact
    WHERE owner_id = in_owner AND id = v_name_id
    ON DUPLICATE KEY UPDATE contact_id = VALUE(contact_id);
    DELETE FROM contact_group_gone WHERE owner_id = in_owner AND name = in_name;

    INSERT INTO contact_group (owner_id, id, name, comment, ctime, mtime, card, uid, card_name, put_name,
                               sent, sent_version)
    VALUES (in_owner, v_id, v_name, v_comment, v_now, v_now, JSON_VALUE(in_group, '$.card'), v_uid, in_name,
            v_name, FROM_BASE64(JSON_VALUE(in_group, '$.sent')), JSON_VALUE(in_group, '$.version'))
    ON DUPLICATE KEY UPDATE
        name = VALUE(name), comment = VALUE(comment), mtime = VALUE(mtime), card = VALUE(card),
        uid = VALUE(uid), card_name = VALUE(card_name), put_name = VALUE(put_name), sent = VALUE(sent),
        sent_version = VALUE(sent_version), rev = 0;

    -- the card of a contact without a UID has the UUID of the contact for one
    SELECT COALESCE(JSON_ARRAYAGG(c.id), '[]') INTO v_members
    FROM (
        SELECT v.contact_id
        FROM JSON_TABLE(in_group, '$.member[*]' COLUMNS (
            uid VARCHAR(255) COLLATE utf8mb4_bin PATH '$.uid'
        )) AS j
        STRAIGHT_JOIN contact_vcard AS v FORCE INDEX (by_uid) ON v.owner_id = in_owner AND v.uid = j.uid
        UNION
        SELECT v.contact_id
        FROM JSON_TABLE(in_group, '$.member[*]' COLUMNS (
            uid VARCHAR(255) COLLATE utf8mb4_bin PATH '$.uid'
        )) AS j
        STRAIGHT_JOIN contact_vcard AS v FORCE INDEX (by_uid)
           ON v.owner_id = in_owner AND v.uid = CONCAT('urn:uuid:', j.uid)
        UNION
        SELECT c.id
        FROM JSON_TABLE(in_group, '$.member[*]' COLUMNS (
            id CHAR(16) COLLATE ascii_bin PATH '$.id'
        )) AS j
        STRAIGHT_JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id
        LEFT JOIN contact_vcard AS v ON v.owner_id = in_owner AND v.contact_id = j.id
        WHERE v.uid IS NULL
    ) AS k
    STRAIGHT_JOIN contact AS c FORCE INDEX (PRIMARY)
       ON c.owner_id = in_owner AND c.id = k.contact_id AND c.box IN ('active', 'archived');
    -- unlocked: the owner is locked
    SELECT COALESCE(JSON_ARRAYAGG(j.id), '[]') INTO v_added
    FROM JSON_TABLE(v_members, '$[*]' COLUMNS (id CHAR(16) COLLATE ascii_bin PATH '$')) AS j
    LEFT JOIN contact_group_member AS m
      ON m.owner_id = in_owner AND m.group_id = v_id AND m.contact_id = j.id
    WHERE m.contact_id IS NULL;
    -- unlocked: the owner is locked
    SELECT COALESCE(JSON_ARRAYAGG(m.contact_id), '[]') INTO v_removed
    FROM contact_group_member AS m
    STRAIGHT_JOIN contact AS c FORCE INDEX (PRIMARY)
       ON c.owner_id = in_owner AND c.id = m.contact_id AND c.box = 'active'
    WHERE m.owner_id = in_owner AND m.group_id = v_id AND m.contact_id NOT IN (
        SELECT j.id FROM JSON_TABLE(v_members, '$[*]' COLUMNS (id CHAR(16) COLLATE ascii_bin PATH '$')) AS j
    );
    INSERT INTO contact_group_member (owner_id, group_id, contact_id, ctime)
    SELECT in_owner, v_id, j.id, v_now
    FROM JSON_TABLE(v_added, '$[*]' COLUMNS (id CHAR(16) COLLATE ascii_bin PATH '$')) AS j;
    DELETE m
    FROM JSON_TABLE(v_removed, '$[*]' COLUMNS (id CHAR(16) COLLATE ascii_bin PATH '$')) AS j
    STRAIGHT_JOIN contact_group_member AS m
       ON m.owner_id = in_owner AND m.group_id = v_id AND m.contact_id = j.id;

    DELETE FROM contact_group_expected WHERE owner_id = in_owner AND group_id = v_id;
    INSERT INTO contact_group_expected (owner_id, uid, group_id)
    SELECT in_owner, j.uid, v_id
    FROM JSON_TABLE(in_group, '$.member[*]' COLUMNS (
        uid VARCHAR(255) COLLATE utf8mb4_bin PATH '$.uid',
        id  CHAR(16) COLLATE ascii_bin PATH '$.id'
    )) AS j
    LEFT JOIN contact_vcard AS b FORCE INDEX (by_uid) ON b.owner_id = in_owner AND b.uid = j.uid
    LEFT JOIN contact_vcard AS u FORCE INDEX (by_uid)
      ON u.owner_id = in_owner AND u.uid = CONCAT('urn:uuid:', j.uid)
    LEFT JOIN contact_vcard AS v ON v.owner_id = in_owner AND v.contact_id = j.id
    LEFT JOIN contact AS c FORCE INDEX (PRIMARY)
      ON c.owner_id = in_owner AND c.box IN ('active', 'archived')
     AND c.id = COALESCE(b.contact_id, u.contact_id, IF(v.uid IS NULL, j.id, NULL))
    WHERE c.id IS NULL
    ON DUPLICATE KEY UPDATE uid = VALUE(uid);

    IF v_renamed THEN
        SELECT COALESCE(JSON_ARRAYAGG(contact_id), '[]') INTO v_stale
        FROM contact_group_member
        WHERE owner_id = in_owner AND group_id = v_id;
    END IF;
    CALL contacts_render(in_owner, JSON_MERGE_PRESERVE(COALESCE(v_stale, v_added), v_removed));
    UPDATE contact_group SET sent_rev = rev WHERE owner_id = in_owner AND id = v_id;
    SELECT JSON_OBJECT('group_id', v_id, 'etag', r.etag, 'added', JSON_LENGTH(v_added),
                       'removed', JSON_LENGTH(v_removed), 'changed', v_changed + 0,
                       'member_count', CAST(JSON_VALUE(k.data, '$.member_count') AS INT)) AS data
    FROM group_card AS k
    JOIN group_resource AS r ON r.owner_id = in_owner AND r.group_id = v_id
    WHERE k.owner_id = in_owner AND k.id = v_id;
    SELECT k.data FROM group_card AS k WHERE k.owner_id = in_owner AND k.id = v_id;
END$$
DELIMITER ;
