-- contact_group_add: a new group in the owner's address book, with its first members.
--
-- Params:   in_owner      whose group
--           in_name       name, unique among his groups
--           in_comment    note, or NULL
--           in_contacts   JSON array of contact ids, may be empty
-- Returns:  one row       data  JSON: group_id, id, name, category, avatar, member_count, ctime, mtime
-- Errors:   GROUP_EXISTS        he has a group of that name
--           CONTACT_NOT_FOUND   one of the contacts is not in his address book; nothing is made
-- Example:  CALL contact_group_add('00000000000000a1', 'Example', NULL, '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_add(
    IN in_owner    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_name     VARCHAR(255),
    IN in_comment  TEXT,
    IN in_contacts LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin DEFAULT LOWER(HEX(RANDOM_BYTES(8)));
    DECLARE v_members INT UNSIGNED DEFAULT 0;
    DECLARE EXIT HANDLER FOR 1062
        RESIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'GROUP_EXISTS', MYSQL_ERRNO = 1644;
    DECLARE EXIT HANDLER FOR 1452
        RESIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND', MYSQL_ERRNO = 1644;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    INSERT INTO contact_group (owner_id, id, name, comment, ctime, mtime)
    VALUES (in_owner, v_id, in_name, in_comment, v_now, v_now);

    INSERT INTO contact_group_member (owner_id, group_id, contact_id, ctime)
    SELECT DISTINCT in_owner, v_id, j.contact_id, v_now
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (contact_id VARCHAR(64) PATH '$')) AS j;
    SET v_members = ROW_COUNT();

    CALL my_contacts_touch(in_owner, in_contacts);
    SELECT JSON_OBJECT('group_id', v_id, 'id', v_id, 'name', in_name, 'category', 'origin', 'avatar', NULL,
                       'member_count', v_members + 0, 'ctime', v_now + 0, 'mtime', v_now + 0) AS data;
END$$
DELIMITER ;
