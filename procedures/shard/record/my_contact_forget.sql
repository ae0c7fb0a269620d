-- my_contact_forget: drop tombstones that are older than so many days; who synchronises less often starts again.
--
-- Params:   in_owner   whose address book
--           in_days    how long they are kept
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL my_contact_forget('00000000000000a1', 90);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_forget(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_days  INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_before DATETIME(3) DEFAULT UTC_TIMESTAMP(3) - INTERVAL in_days DAY;
    DECLARE v_rev BIGINT UNSIGNED;

    SELECT MAX(rev) INTO v_rev
    FROM contact_record
    WHERE owner_id = in_owner AND state = 'purged' AND deleted_at < v_before
    FOR UPDATE;
    IF v_rev IS NOT NULL THEN
        DELETE FROM contact_record WHERE owner_id = in_owner AND state = 'purged' AND deleted_at < v_before;
        UPDATE contact_ledger SET forgotten_rev = GREATEST(forgotten_rev, v_rev) WHERE owner_id = in_owner;
    END IF;
END$$
DELIMITER ;
