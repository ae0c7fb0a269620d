-- my_card_token: return the revision of the owner's address book, which grows with each change.
--
-- Params:   in_owner   owner of the address book
-- Returns:  one row    rev
-- Errors:   none
-- Example:  CALL my_card_token('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_card_token(
    IN in_owner CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT COALESCE(MAX(rev), 0) AS rev FROM contact_ledger WHERE owner_id = in_owner;
END$$
DELIMITER ;
