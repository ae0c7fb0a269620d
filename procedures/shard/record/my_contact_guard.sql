-- my_contact_guard: refuse a write that was meant for another state of a contact.
--
-- The ledger stays locked, so that nothing of the owner changes before the write that follows.
--
-- Params:   in_owner   whose address book
--           in_id      contact, locked by the caller
--           in_rev     revision of its record that the caller knows; NULL: whatever it is
-- Returns:  nothing
-- Errors:   PRECONDITION_FAILED   it has another one
-- Example:  CALL my_contact_guard('00000000000000a1', '0000000000000c01', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_guard(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_rev   BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_held, v_rev BIGINT UNSIGNED;

    IF in_rev IS NOT NULL THEN
        SELECT rev INTO v_held FROM contact_ledger WHERE owner_id = in_owner FOR UPDATE;
        SELECT rev INTO v_rev FROM contact_record WHERE owner_id = in_owner AND contact_id = in_id;
        IF v_rev IS NULL OR v_rev <> in_rev THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PRECONDITION_FAILED';
        END IF;
    END IF;
END$$
DELIMITER ;
