-- webhook_expire: keep the outbox small, in steps: delete events that are older than three days, delivered or
-- not, and those of a subscription that has ended, or whose owner is not active; then the subscription.
--
-- Params:   in_limit   events at most
-- Returns:  one row    more: 1 when more may be due
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_expire(1000);
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_expire(
    IN in_limit INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_deleted, v_old, v_is_over INT UNSIGNED DEFAULT 0;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: an account that is active again a moment later has lost its subscriptions all the same. One
    -- of the site may be in the settings again: it is read again below.
    SELECT w.id INTO v_id
    FROM webhook AS w
    LEFT JOIN entity AS e ON e.id = w.uid
    WHERE w.state = 'ended' OR (w.uid <> '' AND COALESCE(e.status, 'deleted') <> 'active')
    ORDER BY w.id
    LIMIT 1;
    -- the subscription first: locks are taken in the order of all routines
    SELECT COUNT(*) INTO v_is_over FROM webhook WHERE id = v_id AND uid <> '' FOR UPDATE;
    IF v_is_over THEN
        UPDATE webhook SET uid = 'ended', state = 'ended' WHERE id = v_id;
        DELETE FROM webhook_delivery WHERE webhook_id = v_id LIMIT in_limit;
        SET v_deleted = ROW_COUNT();
        IF v_deleted < in_limit THEN
            DELETE FROM webhook WHERE id = v_id;
        END IF;
    END IF;
    DELETE FROM webhook_delivery
    WHERE at < (UNIX_TIMESTAMP() - 3 * 86400) * 1000
    ORDER BY at
    LIMIT in_limit;
    SET v_old = ROW_COUNT();

    SELECT GREATEST(v_deleted, v_old) >= in_limit AS more;
END$$
DELIMITER ;
