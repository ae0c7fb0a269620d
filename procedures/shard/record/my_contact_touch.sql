-- my_contact_touch: my_contacts_render for one contact.
--
-- Params:   in_owner   whose address book
--           in_id      contact, in the book, in the trash, or nowhere any more
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL my_contact_touch('00000000000000a1', '0000000000000c01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_touch(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    CALL my_contacts_render(in_owner, JSON_ARRAY(in_id));
END$$
DELIMITER ;
