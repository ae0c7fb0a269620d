-- my_contact_revert: give a contact back an earlier state, as far as it can be given back.
--
-- A relation, an invitation or a block stays as it is: the default address of somebody who is invited does
-- not change. For a state in the trash, the caller moves the contact there afterwards (my_contact_trash).
--
-- Params:   in_owner     owner of the address book
--           in_id        contact, not in the trash
--           in_contact   JSON as contact_write takes it, with from_api and all lists; archived; groups
--                        (names); is_auto (1: the names were derived from the account)
--           in_rev       revision that the caller has seen, or NULL
-- Returns:  one row      data  JSON, the contact as the lists of the RPC show it (contact_card)
--           at most one row   data  JSON, when the entry stands for somebody else than
--                             before: out_former of contact_write
--           one row      data  JSON, the record; rev
--           one row      data  JSON array, what was left as it is: emails, groups, avatar_path
-- Errors:   CONTACT_NOT_FOUND     no such contact of the owner
--           PRECONDITION_FAILED   the contact has another revision
--           SELF_CONTACT          an address of the owner
--           SAME_DOMAIN           an address belongs to a colleague
--           INVALID_PARAM         the same address twice, or a number that is too long
-- Excludes: MANY_DEFAULT_EMAIL, NO_DEFAULT_MAIL   a stored state has one default address
--           ALREADY_IN_CONTACT                    two contacts may have the same address (from_api)
-- Needs:    a transaction
-- Example:  CALL my_contact_revert('00000000000000a1', '0000000000000c01',
--           '{"from_api": 1, "company": "Acme", "groups": [], "archived": 0}', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_revert(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_id      CHAR(16) COLLATE ascii_bin,
    IN in_contact LONGTEXT,
    IN in_rev     BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_peer CHAR(16) COLLATE ascii_bin;
    DECLARE v_box, v_status VARCHAR(16) COLLATE ascii_bin DEFAULT 'hidden';
    DECLARE v_email, v_default_email VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_path, v_hash VARCHAR(1024) COLLATE utf8mb4_bin;
    DECLARE v_former LONGTEXT;
    DECLARE v_left LONGTEXT DEFAULT '[]';
    DECLARE v_groups LONGTEXT DEFAULT COALESCE(JSON_EXTRACT(in_contact, '$.groups'), '[]');
    DECLARE v_changed, v_moves, v_group_count INT UNSIGNED DEFAULT 0;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL contact_lock(in_owner, in_id, in_contact, v_id, v_peer);
    -- unlocked: contact_lock has locked it
    SELECT box, status, email INTO v_box, v_status, v_email
    FROM contact
    WHERE owner_id = in_owner AND id = v_id;
    IF v_box = 'hidden' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    END IF;
    CALL contact_revision_check(in_owner, v_id, in_rev);

    SELECT MAX(j.email) INTO v_default_email
    FROM JSON_TABLE(in_contact, '$.email[*]' COLUMNS (
        email      VARCHAR(255) COLLATE utf8mb4_bin PATH '$.email',
        is_default TINYINT PATH '$.is_default'
    )) AS j
    WHERE j.is_default = 1;
    IF v_status = 'sent' THEN
        SET in_contact = JSON_SET(in_contact, '$.keeps_person', 1);
    END IF;
    IF v_status = 'sent' AND NOT (v_default_email <=> v_email) THEN
        SET in_contact = JSON_REMOVE(in_contact, '$.email'),
            v_left = JSON_ARRAY_APPEND(v_left, '$', 'emails');
    END IF;
    SET v_path = JSON_VALUE(in_contact, '$.avatar_path');
    IF v_path RLIKE '/avatar/[0-9a-f]{16}$' THEN
        SELECT MAX(hash) INTO v_hash
        FROM contact_picture
        WHERE owner_id = in_owner AND contact_id = v_id AND LEFT(hash, 16) = RIGHT(v_path, 16);
        IF v_hash IS NULL THEN
            SET in_contact = JSON_REMOVE(in_contact, '$.avatar_path'),
                v_left = JSON_ARRAY_APPEND(v_left, '$', 'avatar_path');
        END IF;
    END IF;

    UPDATE contact
    SET is_archived = COALESCE(JSON_VALUE(in_contact, '$.archived'), is_archived)
    WHERE owner_id = in_owner AND id = v_id;
    SET v_moves = ROW_COUNT();
    DELETE m
    FROM contact_group_member AS m
    STRAIGHT_JOIN contact_group AS g ON g.owner_id = in_owner AND g.id = m.group_id
    LEFT JOIN JSON_TABLE(v_groups, '$[*]' COLUMNS (
        name VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
    )) AS j ON j.name = g.name
    WHERE m.owner_id = in_owner AND m.contact_id = v_id AND j.name IS NULL;
    SET v_moves = v_moves + ROW_COUNT();
    SELECT COUNT(*) INTO v_group_count
    FROM JSON_TABLE(v_groups, '$[*]' COLUMNS (
        name VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
    )) AS j
    JOIN contact_group AS g ON g.owner_id = in_owner AND g.name = j.name;
    IF v_group_count < JSON_LENGTH(v_groups) THEN
        SET v_left = JSON_ARRAY_APPEND(v_left, '$', 'groups');
    END IF;
    INSERT IGNORE INTO contact_group_member (owner_id, group_id, contact_id, ctime)
    SELECT in_owner, g.id, v_id, UNIX_TIMESTAMP()
    FROM JSON_TABLE(v_groups, '$[*]' COLUMNS (
        name VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
    )) AS j
    JOIN contact_group AS g ON g.owner_id = in_owner AND g.name = j.name;
    SET v_moves = v_moves + ROW_COUNT();

    CALL contact_write(in_owner, v_id, in_contact, v_peer, 0, v_changed, v_former);
    UPDATE contact AS c
    STRAIGHT_JOIN contact_picture AS p ON p.owner_id = in_owner AND p.contact_id = v_id
    SET p.replaced_at = IF(
        c.avatar_path LIKE CONCAT('%/avatar/', LEFT(p.hash, 16)), NULL,
        COALESCE(p.replaced_at, UNIX_TIMESTAMP())
    )
    WHERE c.owner_id = in_owner AND c.id = v_id;
    IF JSON_VALUE(in_contact, '$.is_auto') = 1 THEN
        UPDATE contact SET is_auto = 1 WHERE owner_id = in_owner AND id = v_id;
        SET v_moves = v_moves + ROW_COUNT(), v_changed = 0;
    END IF;
    IF v_changed = 0 AND v_moves > 0 THEN
        CALL contact_render_parts(in_owner, v_id, 'all', NULL);
    END IF;
    SELECT data FROM contact_card WHERE owner_id = in_owner AND id = v_id;
    SELECT v_former AS data FROM (SELECT 1) AS one WHERE v_former IS NOT NULL;
    SELECT record AS data, rev FROM contact_record WHERE owner_id = in_owner AND contact_id = v_id;
    SELECT v_left AS data;
END$$
DELIMITER ;
