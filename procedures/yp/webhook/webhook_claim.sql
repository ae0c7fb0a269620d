-- webhook_claim: claim subscriptions whose events are due, so that no other process sends them meanwhile.
--
-- The claim of a process that dies ends with the lease.
--
-- Params:   in_claim   id of this turn
--           in_limit   subscriptions at most
--           in_lease   seconds until other processes may send
-- Returns:  rows       id, url, secret, old_secret (NULL: one secret signs)
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_claim('0000000000000001', 10, 60);
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_claim(
    IN in_claim CHAR(16) COLLATE ascii_bin,
    IN in_limit INT UNSIGNED,
    IN in_lease INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE webhook
    SET claim = in_claim, leased_until = v_now + in_lease
    WHERE state = 'active' AND next_try <= v_now AND leased_until <= v_now
      AND EXISTS (
        SELECT 1
        FROM webhook_delivery AS d FORCE INDEX (by_turn)
        WHERE d.state = 'pending' AND d.webhook_id = webhook.id
      )
    ORDER BY next_try
    LIMIT in_limit;

    IF ROW_COUNT() > 0 THEN
        SELECT id, url, secret, IF(old_until > v_now, old_secret, NULL) AS old_secret
        FROM webhook
        WHERE state = 'active' AND claim = in_claim;
    END IF;
END$$
DELIMITER ;
