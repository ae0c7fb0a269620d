-- webhook_release: end a turn: any process may send the next events of the subscription, after those of the
-- subscriptions that wait for longer.
--
-- Params:   in_id      subscription
--           in_claim   turn
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_release('0000000000000d01', '0000000000000001');
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_release(
    IN in_id    CHAR(16) COLLATE ascii_bin,
    IN in_claim CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE webhook SET claim = NULL, leased_until = 0, next_try = UNIX_TIMESTAMP()
    WHERE id = in_id AND claim = in_claim;
END$$
DELIMITER ;
