-- contact_group_member_add: put contacts into a group. Those that are in it already stay; all or none.
--
-- Params:   in_owner      whose group
--           in_key        id or name of the group
--           in_contacts   JSON array of contact ids
-- Returns:  one row       data  JSON: group_id, added, member_count
--           rows          node, sockets: the owner's open sockets
-- Errors:   GROUP_NOT_FOUND     no such group
--           CONTACT_NOT_FOUND   some of the contacts are not in his address book; names them
-- Example:  CALL contact_group_member_add('00000000000000a1', 'Pioneers', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_member_add(
    IN in_owner    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_key      VARCHAR(255),
    IN in_contacts LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_done INT UNSIGNED;
    DECLARE v_unknown TEXT;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    SELECT id INTO v_id
    FROM contact_group
    WHERE owner_id = in_owner AND id = contact_group_find(in_owner, in_key)
    FOR UPDATE;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'GROUP_NOT_FOUND';
    END IF;
    SELECT CONCAT('CONTACT_NOT_FOUND not in the address book: ', GROUP_CONCAT(j.contact_id SEPARATOR ', ')) INTO v_unknown
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        contact_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
    )) AS j
    LEFT JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.contact_id
    WHERE c.id IS NULL;
    IF v_unknown IS NOT NULL THEN
        SET v_unknown = LEFT(v_unknown, 128);
        -- MESSAGE_TEXT = 'CONTACT_NOT_FOUND', and which ones
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_unknown;
    END IF;

    INSERT IGNORE INTO contact_group_member (owner_id, group_id, contact_id, ctime)
    SELECT in_owner, v_id, j.contact_id, UNIX_TIMESTAMP()
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        contact_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
    )) AS j;
    SET v_done = ROW_COUNT();
    UPDATE contact_group SET mtime = UNIX_TIMESTAMP() WHERE owner_id = in_owner AND id = v_id;

    CALL my_contacts_touch(in_owner, in_contacts);
    SELECT JSON_OBJECT('group_id', v_id, 'added', v_done + 0, 'member_count', COUNT(*)) AS data
    FROM contact_group_member
    WHERE owner_id = in_owner AND group_id = v_id;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
