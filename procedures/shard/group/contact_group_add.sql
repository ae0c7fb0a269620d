-- contact_group_add: create a group of contacts, with its first members.
--
-- Params:   in_owner      owner of the group
--           in_name       name, unique among the groups of the owner
--           in_comment    note, or NULL
--           in_contacts   JSON array of contact ids, may be empty
-- Returns:  one row       data  JSON: group_id, id, name, category, avatar, member_count, ctime, mtime
-- Errors:   GROUP_EXISTS        the owner has a group of that name
--           CONTACT_NOT_FOUND   one of the contacts is not in the address book; no group is created
-- Needs:    a transaction
-- Example:  CALL contact_group_add('00000000000000a1', 'Example', NULL, '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_add(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_name     VARCHAR(255),
    IN in_comment  TEXT,
    IN in_contacts LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_id CHAR(16) COLLATE ascii_bin DEFAULT LOWER(HEX(RANDOM_BYTES(8)));
    DECLARE v_member_count, v_unknown_count INT UNSIGNED DEFAULT 0;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    -- unlocked: every routine that creates or renames a group holds the lock of the owner
    IF EXISTS (SELECT 1 FROM contact_group WHERE owner_id = in_owner AND name = in_name) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'GROUP_EXISTS';
    END IF;
    SELECT COUNT(*) INTO v_unknown_count
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (contact_id VARCHAR(64) COLLATE utf8mb4_bin PATH '$')) AS j
    LEFT JOIN contact AS c
      ON c.owner_id = in_owner AND c.id = CONVERT(j.contact_id USING ascii) AND c.deleted_at IS NULL
    WHERE c.id IS NULL;
    IF v_unknown_count > 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    END IF;
    INSERT INTO contact_group (owner_id, id, name, comment, ctime, mtime)
    VALUES (in_owner, v_id, in_name, in_comment, v_now, v_now);

    INSERT INTO contact_group_member (owner_id, group_id, contact_id, ctime)
    SELECT DISTINCT in_owner, v_id, j.contact_id, v_now
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (contact_id VARCHAR(64) COLLATE utf8mb4_bin PATH '$')) AS j;
    SET v_member_count = ROW_COUNT();

    CALL contacts_render(in_owner, in_contacts);
    SELECT JSON_OBJECT('group_id', v_id, 'id', v_id, 'name', in_name, 'category', 'origin', 'avatar', NULL,
                       'member_count', v_member_count + 0, 'ctime', v_now + 0, 'mtime', v_now + 0) AS data;
END$$
DELIMITER ;
