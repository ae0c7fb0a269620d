-- contact_revision_check: refuse a write to a contact that has another revision than its caller has seen.
-- The caller has locked the owner.
--
-- Params:   in_owner   owner of the address book
--           in_id      contact
--           in_rev     revision that the caller has seen, or NULL, which every contact matches
-- Returns:  nothing
-- Errors:   PRECONDITION_FAILED   the contact has another revision
-- Example:  CALL contact_revision_check('00000000000000a1', '0000000000000c01', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_revision_check(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    CHAR(16) COLLATE ascii_bin,
    IN in_rev   BIGINT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_rev BIGINT UNSIGNED;

    IF in_rev IS NOT NULL THEN
        SELECT rev INTO v_rev FROM contact_record WHERE owner_id = in_owner AND contact_id = in_id;
        IF COALESCE(v_rev, 0) <> in_rev THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PRECONDITION_FAILED';
        END IF;
    END IF;
END$$
DELIMITER ;
