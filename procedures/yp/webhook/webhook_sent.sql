-- webhook_sent: record that an event was delivered, and hold the subscription for longer.
--
-- Params:   in_id         subscription
--           in_claim      turn
--           in_delivery   event
--           in_status     HTTP status of the answer
--           in_lease      seconds until other processes may send
-- Returns:  one row       go_on: 1, or 0 when the owner has paused the subscription or another process sends
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_sent('0000000000000d01', '0000000000000001', 1, 204, 60);
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_sent(
    IN in_id       CHAR(16) COLLATE ascii_bin,
    IN in_claim    CHAR(16) COLLATE ascii_bin,
    IN in_delivery BIGINT UNSIGNED,
    IN in_status   SMALLINT UNSIGNED,
    IN in_lease    INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE webhook
    SET failures = 0, failing_since = NULL, last_error = '', last_success = v_now, next_try = v_now,
        leased_until = v_now + in_lease
    WHERE id = in_id AND claim = in_claim;
    -- the receiver has it, whoever sends now
    UPDATE webhook_delivery
    SET state = 'delivered', attempts = attempts + 1, status = in_status, error = '', tried_at = v_now
    WHERE id = in_delivery AND webhook_id = in_id;

    SELECT COUNT(*) AS go_on FROM webhook WHERE id = in_id AND claim = in_claim AND state = 'active';
END$$
DELIMITER ;
