-- contact_group_delete: take a group away. Its members stay contacts.
--
-- Params:   in_owner   whose group
--           in_key     id or name
-- Returns:  one row    data  JSON: group_id, name, status (deleted)
--           rows       node, sockets: the owner's open sockets
-- Errors:   GROUP_NOT_FOUND   no such group
-- Example:  CALL contact_group_delete('00000000000000a1', 'Pioneers');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_delete(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_key   VARCHAR(255)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_name VARCHAR(255);
    DECLARE v_contacts LONGTEXT;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    SELECT id, name INTO v_id, v_name
    FROM contact_group
    WHERE owner_id = in_owner AND id = contact_group_find(in_owner, in_key)
    FOR UPDATE;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'GROUP_NOT_FOUND';
    END IF;
    SELECT COALESCE(JSON_ARRAYAGG(contact_id), '[]') INTO v_contacts
    FROM contact_group_member
    WHERE owner_id = in_owner AND group_id = v_id;
    DELETE FROM contact_group WHERE owner_id = in_owner AND id = v_id;
    CALL my_contacts_touch(in_owner, JSON_MERGE_PRESERVE(v_contacts, trashed_with(in_owner, 'group', JSON_ARRAY(v_id))));
    SELECT JSON_OBJECT('group_id', v_id, 'name', v_name, 'status', 'deleted') AS data;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
