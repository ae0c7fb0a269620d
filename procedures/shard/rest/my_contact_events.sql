-- my_contact_events: list the events of the owner's address book after a revision, for live updates.
--
-- The last thousand events are listed one by one. After an older revision, each contact is listed once, as in
-- my_contact_changes. The error MOVING is raised once the owner lives in another shard.
--
-- Params:   in_owner   owner of the address book
--           in_since   revision that the caller has; NULL: the newest
--           in_limit   rows at most
-- Returns:  rows       rev, event, data (the record as it is now), as my_contact_changes
--           one row    rev: revision that the caller has now; more: 1 when there are more events
-- Errors:   none
-- Example:  CALL my_contact_events('00000000000000a1', NULL, 100);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_events(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_since BIGINT UNSIGNED,
    IN in_limit INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_rev, v_dropped_rev, v_last BIGINT UNSIGNED DEFAULT 0;
    DECLARE v_count INT UNSIGNED;
    DECLARE v_moved_to VARCHAR(64) COLLATE ascii_bin;

    SELECT COALESCE(MAX(rev), 0), COALESCE(MAX(event_rev), 0) INTO v_rev, v_dropped_rev
    FROM contact_ledger
    WHERE owner_id = in_owner;

    -- a client that was away for long wants the contacts, not their history
    IF COALESCE(in_since, v_rev) < GREATEST(v_dropped_rev, CAST(v_rev AS SIGNED) - 1000) THEN
        CALL my_contact_changes_between(in_owner, in_since, v_rev, in_limit);
    ELSE
        SELECT MAX(p.rev), COUNT(*) INTO v_last, v_count
        FROM (
            SELECT rev FROM contact_event
            WHERE owner_id = in_owner AND rev > COALESCE(in_since, v_rev) AND rev <= v_rev
              AND event <> 'private'
            ORDER BY rev
            LIMIT in_limit
        ) AS p;
        SELECT e.rev, e.event, r.record AS data
        FROM contact_event AS e
        JOIN contact_record AS r ON r.owner_id = e.owner_id AND r.contact_id = e.contact_id
        WHERE e.owner_id = in_owner AND e.rev > COALESCE(in_since, v_rev) AND e.rev <= v_last
          AND e.event <> 'private'
          AND (r.state <> 'purged' OR e.event = 'purged')
        ORDER BY e.rev;
        SELECT IF(v_count < in_limit, v_rev, v_last) AS rev, IF(v_count < in_limit, 0, 1) AS more;
    END IF;

    -- checked last: a move that is committed between the reads above would hide events
    SELECT to_db INTO v_moved_to FROM moved_out WHERE owner_id = in_owner;
    IF v_moved_to IS NOT NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING';
    END IF;
END$$
DELIMITER ;
