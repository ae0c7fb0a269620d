-- contact_group_rename: rename a group.
--
-- Params:   in_owner   owner of the group
--           in_id      id of the group
--           in_name    name, unique among the groups of the owner
-- Returns:  one row    data  JSON (group_card)
--           rows       node, sockets: open sockets of the owner
-- Errors:   GROUP_NOT_FOUND   no such group
--           GROUP_EXISTS      the owner has another group of that name
-- Needs:    a transaction
-- Example:  CALL contact_group_rename('00000000000000a1', '0000000000000b01', 'Analysts');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_rename(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    VARCHAR(64) COLLATE ascii_bin,
    IN in_name  VARCHAR(255)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_contacts LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    SELECT id INTO v_id FROM contact_group WHERE owner_id = in_owner AND id = in_id FOR UPDATE;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'GROUP_NOT_FOUND';
    END IF;
    -- unlocked: every routine that creates or renames a group holds the lock of the owner
    IF EXISTS (SELECT 1 FROM contact_group WHERE owner_id = in_owner AND name = in_name AND id <> v_id) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'GROUP_EXISTS';
    END IF;
    UPDATE contact_group
    SET name = in_name, mtime = UNIX_TIMESTAMP(), rev = 0
    WHERE owner_id = in_owner AND id = v_id;
    SELECT COALESCE(JSON_ARRAYAGG(contact_id), '[]') INTO v_contacts
    FROM contact_group_member
    WHERE owner_id = in_owner AND group_id = v_id;
    CALL contacts_render(in_owner, v_contacts);
    SELECT k.data FROM group_card AS k WHERE k.owner_id = in_owner AND k.id = v_id;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
