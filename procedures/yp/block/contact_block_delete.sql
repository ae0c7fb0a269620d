-- contact_block_delete: unblock a contact. Nothing happens when it is not blocked.
--
-- Params:   in_owner     user who blocked
--           in_contact   entry in their address book
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_block_delete('00000000000000a1', '0000000000000c01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_block_delete(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_contact CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    DELETE FROM contact_block WHERE owner_id = in_owner AND contact_id = in_contact;
END$$
DELIMITER ;
