-- contact_group_leave: remove one contact from a group, for an API that refuses unknown contacts.
--
-- Params:   in_owner     owner of the group
--           in_key       id or name of the group
--           in_contact   contact, not necessarily a member
-- Returns:  as contact_group_member_remove
-- Errors:   GROUP_NOT_FOUND     no such group
--           CONTACT_NOT_FOUND   the contact is not in the address book
-- Needs:    a transaction
-- Example:  CALL contact_group_leave('00000000000000a1', 'Pioneers', '0000000000000c01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_leave(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_key     VARCHAR(255),
    IN in_contact VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_group, v_id CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL contact_group_lock(in_owner, in_key, v_group);
    -- lock only: the lock of the owner is written
    SELECT id INTO v_id
    FROM contact
    WHERE owner_id = in_owner AND id = in_contact AND deleted_at IS NULL
    FOR UPDATE;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    END IF;
    CALL contact_group_member_remove(in_owner, v_group, JSON_ARRAY(v_id));
END$$
DELIMITER ;
