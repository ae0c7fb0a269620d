-- my_tombstone_expire: delete old tombstones of contacts and groups. Clients that synchronise less often
-- start again.
--
-- Params:   in_owner   owner of the address book
--           in_days    number of days for which tombstones stay
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL my_tombstone_expire('00000000000000a1', 90);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_tombstone_expire(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_days  INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_oldest_tombstone DATETIME(3) DEFAULT UTC_TIMESTAMP(3) - INTERVAL in_days DAY;
    DECLARE v_oldest_ctime INT UNSIGNED DEFAULT UNIX_TIMESTAMP() - in_days * 86400;
    DECLARE v_rev, v_group_rev BIGINT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT MAX(rev) INTO v_rev
    FROM contact_record
    WHERE owner_id = in_owner AND state = 'purged' AND deleted_at < v_oldest_tombstone
    FOR UPDATE;
    IF v_rev IS NOT NULL THEN
        DELETE FROM contact_record
        WHERE owner_id = in_owner AND state = 'purged' AND deleted_at < v_oldest_tombstone;
        DELETE FROM contact_vcard WHERE owner_id = in_owner AND card IS NULL AND rev <= v_rev;
        UPDATE contact_ledger SET forgotten_rev = GREATEST(forgotten_rev, v_rev) WHERE owner_id = in_owner;
    END IF;

    SELECT MAX(rev) INTO v_group_rev
    FROM contact_group_gone
    WHERE owner_id = in_owner AND ctime < v_oldest_ctime
    FOR UPDATE;
    IF v_group_rev IS NOT NULL THEN
        DELETE FROM contact_group_gone WHERE owner_id = in_owner AND ctime < v_oldest_ctime;
        UPDATE contact_ledger
        SET forgotten_rev = GREATEST(forgotten_rev, v_group_rev)
        WHERE owner_id = in_owner;
    END IF;
END$$
DELIMITER ;
