-- webhook_failed: record that an event could not be delivered. The next attempt follows after 5, 10, 20 …
-- seconds, at most an hour. After a day of failures, or at once when the receiver says that it is gone, the
-- subscription is paused, and its owner gets a mail.
--
-- Params:   in_id         subscription
--           in_claim      turn
--           in_delivery   event
--           in_status     HTTP status of the answer, or NULL
--           in_error      reason, for the owner
--           in_gone       1: the receiver wants no more (410)
--           in_mail       id of the mail
-- Returns:  one row       failed: 1 when the subscription is paused from now on
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_failed('0000000000000d01', '0000000000000001', 1, 500, 'status 500', 0,
--           '0000000000000002');
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_failed(
    IN in_id       CHAR(16) COLLATE ascii_bin,
    IN in_claim    CHAR(16) COLLATE ascii_bin,
    IN in_delivery BIGINT UNSIGNED,
    IN in_status   SMALLINT UNSIGNED,
    IN in_error    VARCHAR(64),
    IN in_gone     TINYINT UNSIGNED,
    IN in_mail     CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_ours, v_failed INT DEFAULT 0;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE webhook
    SET failing_since = COALESCE(failing_since, v_now),
        next_try = v_now + LEAST(5 * POW(2, LEAST(failures, 16)), 3600),
        failures = failures + 1, last_error = in_error, leased_until = 0, claim = NULL,
        state = IF(in_gone = 1 OR failing_since <= v_now - 86400, 'failed', state)
    WHERE id = in_id AND claim = in_claim AND state = 'active';
    SET v_ours = ROW_COUNT();
    UPDATE webhook_delivery
    SET attempts = attempts + 1, status = in_status, error = in_error, tried_at = v_now
    WHERE id = in_delivery AND webhook_id = in_id AND state = 'pending' AND v_ours > 0;
    -- unlocked: the row was written above
    SELECT COUNT(*) INTO v_failed FROM webhook WHERE id = in_id AND state = 'failed' AND v_ours > 0;
    IF v_failed > 0 THEN
        CALL webhook_mail(in_id, in_mail, in_error);
    END IF;

    SELECT v_failed AS failed;
END$$
DELIMITER ;
