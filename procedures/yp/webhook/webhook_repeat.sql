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
    DECLARE v_webhook CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: only to lock the subscription before the event; what an event is for never changes
    SELECT w.id INTO v_webhook
    FROM webhook_delivery AS d
    JOIN webhook AS w ON w.id = d.webhook_id
    WHERE d.id = in_delivery AND w.uid = COALESCE(in_uid, w.uid) AND w.id = COALESCE(in_id, w.id)
      AND w.state <> 'ended';
    IF v_webhook IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'DELIVERY_NOT_FOUND';
    END IF;
    UPDATE webhook SET next_try = 0 WHERE id = v_webhook;
    UPDATE webhook_delivery
    SET state = 'pending', attempts = 0, error = '', tried_at = NULL, status = NULL
    WHERE id = in_delivery;

    SELECT data FROM webhook_delivery_card WHERE id = in_delivery;
END$$
DELIMITER ;
