-- my_contact_changes: what changed in the owner's address book after a revision; each contact once, as it is now.
--
-- Params:   in_owner   whose address book
--           in_since   revision that the caller has; 0: nothing yet
--           in_limit   rows at most
-- Returns:  rows       rev, event (created, updated, deleted, restored or purged), data  JSON: the record; of a purged one
--                      id, permanent and perhaps merged_into. By rev
--           one row    rev: what the caller has now; more: 1 when there is more to be asked for
-- Errors:   TOO_OLD    tombstones after that revision were dropped, or it is none of ours: start again with 0
-- Example:  CALL my_contact_changes('00000000000000a1', 0, 100);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_changes(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_since BIGINT UNSIGNED,
    IN in_limit INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_rev, v_forgotten BIGINT UNSIGNED DEFAULT 0;

    SELECT COALESCE(MAX(rev), 0), COALESCE(MAX(forgotten_rev), 0) INTO v_rev, v_forgotten
    FROM contact_ledger
    WHERE owner_id = in_owner;
    IF in_since > v_rev OR (in_since > 0 AND in_since < v_forgotten) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'TOO_OLD';
    END IF;
    CALL my_contact_changed(in_owner, in_since, v_rev, in_limit);
END$$
DELIMITER ;
