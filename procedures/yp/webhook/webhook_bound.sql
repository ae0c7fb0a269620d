-- webhook_bound: bound the outbox. A subscription for which too many events wait, or more than 5 kB for each
-- event that may wait, is paused, and its owner gets a mail. No new events are written for it until half of
-- those are delivered or have expired.
--
-- Params:   in_limit   events that may wait for one subscription
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_bound(20000);
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_bound(
    IN in_limit INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_bytes BIGINT UNSIGNED DEFAULT in_limit * 5000;
    DECLARE v_error VARCHAR(64) DEFAULT 'too many events wait';
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    FOR w IN (
        -- unlocked: a few events more do no harm; a subscription is read again below
        SELECT d.webhook_id AS id
        FROM webhook_delivery AS d FORCE INDEX (by_size)
        WHERE d.state = 'pending'
        GROUP BY d.webhook_id
        HAVING COUNT(*) > in_limit OR SUM(d.size) > v_bytes
        ORDER BY d.webhook_id
    ) DO
        UPDATE webhook
        SET is_full = 1, state = IF(state = 'active', 'failed', state), last_error = v_error, claim = NULL,
            leased_until = 0, mtime = v_now
        WHERE id = w.id AND is_full = 0 AND state <> 'ended';
        IF ROW_COUNT() > 0 THEN
            CALL webhook_mail(w.id, LOWER(HEX(RANDOM_BYTES(8))), v_error);
        END IF;
    END FOR;
    FOR w IN (
        -- unlocked: the same
        SELECT h.id
        FROM webhook AS h
        WHERE h.is_full = 1 AND (
            SELECT COUNT(*) <= in_limit DIV 2 AND COALESCE(SUM(d.size), 0) <= v_bytes DIV 2
            FROM webhook_delivery AS d FORCE INDEX (by_size)
            WHERE d.state = 'pending' AND d.webhook_id = h.id
        )
        ORDER BY h.id
    ) DO
        UPDATE webhook SET is_full = 0 WHERE id = w.id;
    END FOR;
END$$
DELIMITER ;
