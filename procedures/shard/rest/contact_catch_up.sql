-- contact_catch_up: render stale records of one owner.
--
-- The service itself calls contact_stale_owner and my_contacts_catch_up, which report the owner whose records
-- fail to render.
--
-- Callers:  people, in a transaction; make bench; processes of an older release during a deploy
-- Params:   in_limit   records at most, up to 1,000
-- Returns:  one row    done: number of records; owner: their owner, or NULL
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_catch_up(100);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_catch_up(
    IN in_limit INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_owner CHAR(16) COLLATE ascii_bin;
    DECLARE v_done INT UNSIGNED DEFAULT 0;
    DECLARE v_contacts LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: another process that picks the same owner waits for the lock, and then has less to do
    SELECT s.owner_id INTO v_owner
    FROM contact_stale AS s
    STRAIGHT_JOIN yp.entity AS e ON e.id = s.owner_id
    LIMIT 1;
    IF v_owner IS NOT NULL THEN
        CALL yp.contact_pair_lock(v_owner, NULL, NULL);
        SELECT COUNT(*), JSON_ARRAYAGG(p.contact_id) INTO v_done, v_contacts
        FROM (SELECT contact_id FROM contact_stale WHERE owner_id = v_owner LIMIT in_limit) AS p;
        CALL contacts_render(v_owner, v_contacts);
    END IF;
    SELECT v_done AS done, v_owner AS owner;
END$$
DELIMITER ;
