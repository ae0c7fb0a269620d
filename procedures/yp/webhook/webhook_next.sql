-- webhook_next: read the next events of a claimed subscription, oldest first, and hold it for longer.
--
-- Params:   in_id      subscription
--           in_claim   turn
--           in_limit   events at most
--           in_lease   seconds until other processes may send
-- Returns:  rows       data  JSON: see webhook_delivery_card; no row when nothing waits, when the owner has
--                      paused the subscription, or when another process sends
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_next('0000000000000d01', '0000000000000001', 10, 60);
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_next(
    IN in_id    CHAR(16) COLLATE ascii_bin,
    IN in_claim CHAR(16) COLLATE ascii_bin,
    IN in_limit INT UNSIGNED,
    IN in_lease INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE webhook SET leased_until = UNIX_TIMESTAMP() + in_lease WHERE id = in_id AND claim = in_claim;

    SELECT c.data
    FROM webhook AS w
    JOIN webhook_delivery AS d FORCE INDEX (by_turn) ON d.state = 'pending' AND d.webhook_id = w.id
    JOIN webhook_delivery_card AS c ON c.id = d.id
    WHERE w.id = in_id AND w.claim = in_claim AND w.state = 'active' AND (w.uid = '' OR EXISTS (
        SELECT 1 FROM entity AS e WHERE e.id = w.uid AND e.status = 'active'
    ))
    ORDER BY d.id
    LIMIT in_limit;
END$$
DELIMITER ;
