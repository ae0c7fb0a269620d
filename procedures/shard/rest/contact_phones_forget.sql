-- contact_phones_forget: forget the international forms of the owner's phone numbers, which depend on the
-- country of the owner. The service writes them again.
--
-- Params:   in_owner   owner of the address book
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_phones_forget('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_phones_forget(
    IN in_owner CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE contact_phone SET international = NULL WHERE owner_id = in_owner;
END$$
DELIMITER ;
