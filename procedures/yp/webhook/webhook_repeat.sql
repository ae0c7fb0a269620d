-- webhook_repeat: deliver an event of the last three days again, before those that wait.
--
-- Params:   in_uid        owner; '' for the site; NULL: any owner, for operators
--           in_id         subscription, or NULL: any
--           in_delivery   event
-- Returns:  one row       data  JSON: see webhook_delivery_card
-- Errors:   DELIVERY_NOT_FOUND   the subscription has no such event, or it is older
-- Needs:    a transaction
-- Example:  CALL webhook_repeat('00000000000000a1', '0000000000000d01', 1);
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_repeat(
    IN in_uid      CHAR(16) COLLATE ascii_bin,
    IN in_id       CHAR(16) COLLATE ascii_bin,
    IN in_delivery BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE webhook_delivery AS d
    JOIN webhook AS w ON w.id = d.webhook_id
    SET d.state = 'pending', d.attempts = 0, d.error = '', d.tried_at = NULL, d.status = NULL, w.next_try = 0
    WHERE d.id = in_delivery AND w.uid = COALESCE(in_uid, w.uid) AND w.id = COALESCE(in_id, w.id);
    -- unlocked: what an event is for never changes
    IF NOT EXISTS (
        SELECT 1 FROM webhook_delivery AS d JOIN webhook AS w ON w.id = d.webhook_id
        WHERE d.id = in_delivery AND w.uid = COALESCE(in_uid, w.uid) AND w.id = COALESCE(in_id, w.id)
    ) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'DELIVERY_NOT_FOUND';
    END IF;

    SELECT data FROM webhook_delivery_card WHERE id = in_delivery;
END$$
DELIMITER ;
