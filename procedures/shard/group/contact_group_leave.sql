-- contact_group_leave: take one contact out of a group, for an API that refuses a contact that there is not.
--
-- Params:   in_owner     whose group
--           in_key       id or name of the group
--           in_contact   contact; he need not be in the group
-- Returns:  as contact_group_member_remove
-- Errors:   GROUP_NOT_FOUND     no such group
--           CONTACT_NOT_FOUND   the contact is not in the address book
-- Example:  CALL contact_group_leave('00000000000000a1', 'Pioneers', '0000000000000c01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_leave(
    IN in_owner   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_key     VARCHAR(255),
    IN in_contact VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_group, v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    SELECT id INTO v_group
    FROM contact_group
    WHERE owner_id = in_owner AND id = contact_group_find(in_owner, in_key)
    FOR UPDATE;
    IF v_group IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'GROUP_NOT_FOUND';
    END IF;
    SELECT id INTO v_id FROM contact WHERE owner_id = in_owner AND id = in_contact FOR UPDATE;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    END IF;
    CALL contact_group_member_remove(in_owner, v_group, JSON_ARRAY(v_id));
END$$
DELIMITER ;
