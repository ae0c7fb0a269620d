-- webhook_expire: end the subscriptions of people whose account is not active, and delete events that are
-- older than three days, delivered or not.
--
-- Params:   in_limit   events at most
-- Returns:  nothing
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
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    FOR w IN (
        -- unlocked: an account that is active again a moment later has lost its subscriptions all the same
        SELECT w.id
        FROM webhook AS w
        LEFT JOIN entity AS e ON e.id = w.uid
        WHERE w.uid <> '' AND COALESCE(e.status, 'deleted') <> 'active'
    ) DO
        DELETE FROM webhook_delivery WHERE webhook_id = w.id;
        DELETE FROM webhook WHERE id = w.id;
    END FOR;
    DELETE FROM webhook_delivery
    WHERE at < (UNIX_TIMESTAMP() - 3 * 86400) * 1000
    ORDER BY at
    LIMIT in_limit;
END$$
DELIMITER ;
