-- picture_drop: the contact has no picture any more.
--
-- Params:   in_owner   whose address book
--           in_id      contact
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL picture_drop('00000000000000a1', '0000000000000c01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE picture_drop(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DELETE FROM contact_picture WHERE owner_id = in_owner AND contact_id = in_id;
END$$
DELIMITER ;
