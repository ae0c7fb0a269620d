-- my_contact_import_group: create a group of a file, unless the owner has one of this name, and add its
-- members, which are imported already. The first card of a group is kept beside it, with its UID, unless
-- another group has that, and its first picture becomes that of the group.
--
-- Params:   in_owner   owner of the address book
--           in_group   JSON: name, comment, uid (UIDs of cards), email (addresses of contacts), card (text in
--                      normal form, or absent), card_uid (its UID, or absent); picture (base64) and type (its
--                      media type), or neither
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL my_contact_import_group('00000000000000a1', '{"name": "Family", "uid": [], "email": []}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_import_group(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_group LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_name VARCHAR(255) DEFAULT JSON_VALUE(in_group, '$.name');
    DECLARE v_uid, v_free_uid VARCHAR(255) COLLATE utf8mb4_bin DEFAULT NULL;
    DECLARE v_group_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_contact_ids LONGTEXT;
    DECLARE v_picture LONGTEXT COLLATE ascii_bin DEFAULT JSON_VALUE(in_group, '$.picture');
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    SET v_uid = NULLIF(JSON_VALUE(in_group, '$.card_uid'), '');
    -- unlocked: the owner is locked
    IF NOT EXISTS (SELECT 1 FROM contact_group WHERE owner_id = in_owner AND uid = v_uid)
       AND NOT EXISTS (SELECT 1 FROM contact_vcard WHERE owner_id = in_owner AND uid = v_uid) THEN
        SET v_free_uid = v_uid;
    END IF;
    INSERT INTO contact_group (owner_id, id, name, comment, ctime, mtime, card, uid)
    VALUES (in_owner, LOWER(HEX(RANDOM_BYTES(8))), v_name, NULLIF(JSON_VALUE(in_group, '$.comment'), ''),
            v_now, v_now, JSON_VALUE(in_group, '$.card'), v_free_uid)
    ON DUPLICATE KEY UPDATE
        mtime = v_now, uid = IF(card IS NULL, COALESCE(uid, VALUE(uid)), uid),
        rev = IF(card IS NULL AND VALUE(card) IS NOT NULL, 0, rev), card = COALESCE(card, VALUE(card));
    -- unlocked: the owner is locked
    SELECT id, IF(avatar IS NULL, v_picture, NULL) INTO v_group_id, v_picture
    FROM contact_group
    WHERE owner_id = in_owner AND name = v_name;
    IF v_picture IS NOT NULL THEN
        INSERT INTO contact_group_picture (owner_id, group_id, mimetype, picture)
        VALUES (in_owner, v_group_id, JSON_VALUE(in_group, '$.type'), FROM_BASE64(v_picture));
        -- as contact_group_set_avatar does it
        UPDATE contact_group
        SET avatar = LEFT(SHA2(v_picture, 256), 16)
        WHERE owner_id = in_owner AND id = v_group_id;
    END IF;

    -- unlocked: every routine that adds members holds the lock of the owner
    SELECT JSON_ARRAYAGG(m.contact_id) INTO v_contact_ids
    FROM (
        SELECT v.contact_id
        FROM JSON_TABLE(in_group, '$.uid[*]' COLUMNS (
            uid VARCHAR(255) COLLATE utf8mb4_bin PATH '$'
        )) AS u
        STRAIGHT_JOIN contact_vcard AS v FORCE INDEX (by_uid) ON v.owner_id = in_owner AND v.uid = u.uid
        UNION
        SELECT e.contact_id
        FROM JSON_TABLE(in_group, '$.email[*]' COLUMNS (
            email VARCHAR(255) COLLATE utf8mb4_bin PATH '$'
        )) AS a
        STRAIGHT_JOIN contact_email AS e FORCE INDEX (by_address)
           ON e.owner_id = in_owner AND e.email = a.email
    ) AS m
    JOIN contact AS c ON c.owner_id = in_owner AND c.id = m.contact_id AND c.deleted_at IS NULL
    WHERE NOT EXISTS (
        SELECT 1 FROM contact_group_member AS k
        WHERE k.owner_id = in_owner AND k.group_id = v_group_id AND k.contact_id = m.contact_id
    );
    IF v_contact_ids IS NOT NULL THEN
        INSERT INTO contact_group_member (owner_id, group_id, contact_id, ctime)
        SELECT in_owner, v_group_id, j.id, v_now
        FROM JSON_TABLE(v_contact_ids, '$[*]' COLUMNS (id CHAR(16) COLLATE ascii_bin PATH '$')) AS j;
        UPDATE contact_group SET rev = 0 WHERE owner_id = in_owner AND id = v_group_id;
        CALL contacts_render(in_owner, v_contact_ids);
    END IF;
END$$
DELIMITER ;
