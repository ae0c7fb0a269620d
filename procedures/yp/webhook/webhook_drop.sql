-- webhook_drop: end a subscription; its events go with it.
--
-- Params:   in_uid   owner; '' for the site
--           in_id    subscription
-- Returns:  one row  dropped: 1, or 0 when there is no such subscription
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_drop('00000000000000a1', '0000000000000d01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_drop(
    IN in_uid CHAR(16) COLLATE ascii_bin,
    IN in_id  CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_dropped INT DEFAULT 0;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    DELETE FROM webhook WHERE id = in_id AND uid = in_uid;
    SET v_dropped = ROW_COUNT();
    IF v_dropped > 0 THEN
        DELETE FROM webhook_delivery WHERE webhook_id = in_id;
    END IF;

    SELECT v_dropped AS dropped;
END$$
DELIMITER ;
