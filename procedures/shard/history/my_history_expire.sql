-- my_history_expire: delete old rows of an owner's history, oldest first. Clients that listen less often get
-- each contact once. Former pictures, and those of merged contacts, go as well: no undo needs them any more.
--
-- Params:   in_owner   owner of the address book
--           in_days    number of days for which rows stay
--           in_limit   rows at most
-- Returns:  one row    done: number of rows
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL my_history_expire('00000000000000a1', 30, 1000);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_history_expire(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_days  INT UNSIGNED,
    IN in_limit INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_oldest INT UNSIGNED DEFAULT UNIX_TIMESTAMP() - in_days * 86400;
    DECLARE v_rev, v_young, v_last BIGINT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT rev INTO v_rev FROM contact_ledger WHERE owner_id = in_owner FOR UPDATE;
    -- unlocked: the ledger is locked. Old rows come first, so the search ends at the first young one
    SELECT MIN(y.rev) INTO v_young
    FROM (
        SELECT rev FROM contact_event WHERE owner_id = in_owner AND at >= v_oldest ORDER BY rev LIMIT 1
    ) AS y;
    -- unlocked: the ledger is locked
    SELECT MAX(p.rev) INTO v_last
    FROM (
        SELECT rev
        FROM contact_event
        WHERE owner_id = in_owner AND rev < COALESCE(v_young, v_rev + 1)
        ORDER BY rev
        LIMIT in_limit
    ) AS p;
    DELETE FROM contact_event WHERE owner_id = in_owner AND rev <= v_last;
    SELECT ROW_COUNT() AS done;
    DELETE p
    FROM contact_record AS r FORCE INDEX (by_state)
    STRAIGHT_JOIN contact_picture AS p ON p.owner_id = in_owner AND p.contact_id = r.contact_id
    WHERE r.owner_id = in_owner AND r.state = 'purged'
      AND r.deleted_at < UTC_TIMESTAMP() - INTERVAL in_days DAY;
    -- a picture is replaced a moment after the event of its change
    DELETE FROM contact_picture WHERE owner_id = in_owner AND replaced_at < v_oldest + 60;
    UPDATE contact_ledger
    SET event_rev = GREATEST(event_rev, COALESCE(v_last, 0))
    WHERE owner_id = in_owner;
END$$
DELIMITER ;
