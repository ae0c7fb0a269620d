-- contact_group_member_remove: take contacts out of a group. Those that are not in it do not matter.
--
-- Params:   in_owner      whose group
--           in_key        id or name of the group
--           in_contacts   JSON array of contact ids
-- Returns:  one row       data  JSON: group_id, removed, member_count
--           rows          node, sockets: the owner's open sockets
-- Errors:   GROUP_NOT_FOUND     no such group
-- Example:  CALL contact_group_member_remove('00000000000000a1', 'Pioneers', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_member_remove(
    IN in_owner    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_key      VARCHAR(255),
    IN in_contacts LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_done INT UNSIGNED;
    DECLARE v_contacts LONGTEXT;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    SELECT id INTO v_id
    FROM contact_group
    WHERE owner_id = in_owner AND id = contact_group_find(in_owner, in_key)
    FOR UPDATE;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'GROUP_NOT_FOUND';
    END IF;

    SELECT COALESCE(JSON_ARRAYAGG(m.contact_id), '[]') INTO v_contacts
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        contact_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
    )) AS j
    JOIN contact_group_member AS m ON m.owner_id = in_owner AND m.group_id = v_id AND m.contact_id = j.contact_id
    FOR UPDATE;
    DELETE m
    FROM contact_group_member AS m
    JOIN JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        contact_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
    )) AS j ON j.contact_id = m.contact_id
    WHERE m.owner_id = in_owner AND m.group_id = v_id;
    SET v_done = ROW_COUNT();
    UPDATE contact_group SET mtime = UNIX_TIMESTAMP() WHERE owner_id = in_owner AND id = v_id;

    CALL my_contacts_touch(in_owner, v_contacts);
    SELECT JSON_OBJECT('group_id', v_id, 'removed', v_done + 0, 'member_count', COUNT(*)) AS data
    FROM contact_group_member
    WHERE owner_id = in_owner AND group_id = v_id;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
