-- my_contact_events: what happened in the owner's address book after a revision, event by event, for who listens.
--
-- The last thousand events are kept. Who comes later gets each contact once, as my_contact_changes shows it.
-- MOVING once the owner lives in another shard.
--
-- Params:   in_owner   whose address book
--           in_since   revision that the caller has; NULL: from now on
--           in_limit   rows at most
-- Returns:  rows       rev, event, data (as it is now), as my_contact_changes
--           one row    rev: what the caller has now; more: 1 when there is more to be asked for
-- Errors:   none
-- Example:  CALL my_contact_events('00000000000000a1', NULL, 100);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_events(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_since BIGINT UNSIGNED,
    IN in_limit INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_rev, v_dropped, v_last BIGINT UNSIGNED DEFAULT 0;
    DECLARE v_count INT UNSIGNED;
    DECLARE v_moved_to VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin;

    SELECT COALESCE(MAX(rev), 0), COALESCE(MAX(event_rev), 0) INTO v_rev, v_dropped
    FROM contact_ledger
    WHERE owner_id = in_owner;

    IF COALESCE(in_since, v_rev) < v_dropped THEN
        CALL my_contact_changed(in_owner, in_since, v_rev, in_limit);
    ELSE
        SELECT MAX(p.rev), COUNT(*) INTO v_last, v_count
        FROM (
            SELECT rev FROM contact_event
            WHERE owner_id = in_owner AND rev > COALESCE(in_since, v_rev) AND rev <= v_rev
            ORDER BY rev
            LIMIT in_limit
        ) AS p;
        SELECT e.rev, e.event, r.record AS data
        FROM contact_event AS e
        JOIN contact_record AS r ON r.owner_id = e.owner_id AND r.contact_id = e.contact_id
        WHERE e.owner_id = in_owner AND e.rev > COALESCE(in_since, v_rev) AND e.rev <= v_last
          AND (r.state <> 'purged' OR e.event = 'purged')
        ORDER BY e.rev;
        SELECT IF(v_count < in_limit, v_rev, v_last) AS rev, IF(v_count < in_limit, 0, 1) AS more;
    END IF;

    -- last: a move that is committed between our reads would hide what we have not read yet
    SELECT to_db INTO v_moved_to FROM moved_out WHERE owner_id = in_owner;
    IF v_moved_to IS NOT NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING';
    END IF;
END$$
DELIMITER ;
