-- my_contact_changes: list the changes of the owner's address book after a revision, each contact once, as it
-- is now.
--
-- Params:   in_owner   owner of the address book
--           in_since   revision that the caller has; 0: none
--           in_limit   rows at most
-- Returns:  rows       rev, event (created, updated, deleted, restored or purged), data  JSON: the record;
--                      for a purged one id, permanent and perhaps merged_into; in the order of rev
--           one row    rev: revision that the caller has now; more: 1 when there are more changes
-- Errors:   TOO_OLD    tombstones after that revision were dropped, or it is unknown: start again with 0
-- Example:  CALL my_contact_changes('00000000000000a1', 0, 100);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_changes(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_since BIGINT UNSIGNED,
    IN in_limit INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_rev, v_forgotten_rev BIGINT UNSIGNED DEFAULT 0;

    SELECT COALESCE(MAX(rev), 0), COALESCE(MAX(forgotten_rev), 0) INTO v_rev, v_forgotten_rev
    FROM contact_ledger
    WHERE owner_id = in_owner;
    IF in_since > v_rev OR (in_since > 0 AND in_since < v_forgotten_rev) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'TOO_OLD';
    END IF;
    CALL my_contact_changes_between(in_owner, in_since, v_rev, in_limit);
END$$
DELIMITER ;
