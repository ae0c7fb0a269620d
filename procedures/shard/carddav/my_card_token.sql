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
    DECLARE v_moved_to VARCHAR(64) COLLATE ascii_bin;

    -- Repeats contact_export: a book that is elsewhere now is not empty, a client would delete its cards
    SELECT to_db INTO v_moved_to FROM moved_out WHERE owner_id = in_owner;
    IF v_moved_to IS NOT NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING';
    END IF;

    SELECT COALESCE(MAX(rev), 0) AS rev FROM contact_ledger WHERE owner_id = in_owner;
END$$
DELIMITER ;
