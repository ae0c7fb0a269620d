-- webhook_test: send a subscription an event of the type webhook.test, whatever it has subscribed to.
--
-- Params:   in_uid   owner; '' for the site
--           in_id    subscription
-- Returns:  one row  data  JSON: see webhook_delivery_card
-- Errors:   WEBHOOK_NOT_FOUND   there is no such subscription
-- Needs:    a transaction
-- Example:  CALL webhook_test('00000000000000a1', '0000000000000d01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_test(
    IN in_uid CHAR(16) COLLATE ascii_bin,
    IN in_id  CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT INTO webhook_delivery (webhook_id, type, at, data)
    SELECT w.id, 'webhook.test', FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000), JSON_OBJECT('webhook_id', w.id)
    FROM webhook AS w
    WHERE w.id = in_id AND w.uid = in_uid;
    IF ROW_COUNT() = 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'WEBHOOK_NOT_FOUND';
    END IF;

    SELECT data FROM webhook_delivery_card WHERE id = LAST_INSERT_ID();
END$$
DELIMITER ;
