-- picture_delete: take the picture of a contact away. It stays for the undo (my_history_expire).
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

    UPDATE contact_picture
    SET replaced_at = UNIX_TIMESTAMP()
    WHERE owner_id = in_owner AND contact_id = in_id AND replaced_at IS NULL;
END$$
DELIMITER ;
