-- webhook_drop: end a subscription. It has no owner any more; webhook_expire deletes its events, and then it.
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
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE webhook
    SET uid = 'ended', state = 'ended', claim = NULL, leased_until = 0, mtime = UNIX_TIMESTAMP()
    WHERE id = in_id AND uid = in_uid;
    SELECT ROW_COUNT() AS dropped;
END$$
DELIMITER ;
