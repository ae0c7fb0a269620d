-- contact_group_delete: delete a group. Its members stay contacts.
--
-- Params:   in_owner   owner of the group
--           in_key     id or name
-- Returns:  one row    data  JSON: group_id, name, status (deleted)
--           rows       node, sockets: open sockets of the owner
-- Errors:   GROUP_NOT_FOUND   no such group
-- Needs:    a transaction
-- Example:  CALL contact_group_delete('00000000000000a1', 'Pioneers');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_delete(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_key   VARCHAR(255)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_name VARCHAR(255);
    DECLARE v_contacts LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL contact_group_lock(in_owner, in_key, v_id);
    SELECT name INTO v_name FROM contact_group WHERE owner_id = in_owner AND id = v_id FOR UPDATE;
    SELECT COALESCE(JSON_ARRAYAGG(contact_id), '[]') INTO v_contacts
    FROM contact_group_member
    WHERE owner_id = in_owner AND group_id = v_id;
    -- clients that synchronise learn of the deletion by a tombstone
    UPDATE contact_group SET rev = 0 WHERE owner_id = in_owner AND id = v_id;
    INSERT INTO contact_group_gone (owner_id, name, group_id, rev, created_rev, ctime)
    SELECT owner_id, name, group_id, rev, created_rev, UNIX_TIMESTAMP()
    FROM group_resource
    WHERE owner_id = in_owner AND group_id = v_id
    ON DUPLICATE KEY UPDATE
        group_id = VALUE(group_id), rev = VALUE(rev), created_rev = VALUE(created_rev), ctime = VALUE(ctime);
    DELETE FROM contact_group WHERE owner_id = in_owner AND id = v_id;
    CALL contacts_render(in_owner, v_contacts);
    CALL my_tombstone_expire(in_owner, 90);
    SELECT JSON_OBJECT('group_id', v_id, 'name', v_name, 'status', 'deleted') AS data;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
