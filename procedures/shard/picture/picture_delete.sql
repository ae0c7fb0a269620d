-- picture_delete: delete the picture of a contact.
--
-- Params:   in_owner   owner of the address book
--           in_id      contact
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL picture_delete('00000000000000a1', '0000000000000c01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE picture_delete(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    DELETE FROM contact_picture WHERE owner_id = in_owner AND contact_id = in_id;
END$$
DELIMITER ;
