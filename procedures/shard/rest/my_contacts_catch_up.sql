-- my_contacts_catch_up: render stale records of an owner, who is then no longer set aside.
--
-- Params:   in_owner   owner of the records
--           in_limit   records at most, up to 1,000
-- Returns:  one row    done: number of records; failures: how often rendering had failed before
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL my_contacts_catch_up('00000000000000a1', 100);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contacts_catch_up(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_limit INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_done, v_failures INT UNSIGNED DEFAULT 0;
    DECLARE v_contacts LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- another process that picks the same owner waits here, and then has less to do
    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    SELECT COUNT(*), JSON_ARRAYAGG(p.contact_id) INTO v_done, v_contacts
    FROM (SELECT contact_id FROM contact_stale WHERE owner_id = in_owner LIMIT in_limit) AS p;
    IF v_done > 0 THEN
        CALL contacts_render(in_owner, v_contacts);
    END IF;
    SELECT COALESCE(MAX(failures), 0) INTO v_failures
    FROM contact_set_aside
    WHERE owner_id = in_owner
    FOR UPDATE;
    IF v_failures > 0 THEN
        DELETE FROM contact_set_aside WHERE owner_id = in_owner;
    END IF;
    SELECT v_done AS done, v_failures AS failures;
END$$
DELIMITER ;
