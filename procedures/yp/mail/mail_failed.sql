-- mail_failed: record that a mail could not be sent. The next attempt follows after 1, 2, 4 … minutes, at
-- most 6 hours; after 14 attempts the mail is given up.
--
-- Params:   in_id      mail
--           in_error   reason, for operators
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL mail_failed('0000000000000001', 'connection refused');
DELIMITER $$
CREATE OR REPLACE PROCEDURE mail_failed(
    IN in_id    CHAR(16) COLLATE ascii_bin,
    IN in_error VARCHAR(255)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE mail_outbox
    SET next_try = UNIX_TIMESTAMP() + LEAST(60 * POW(2, attempts), 6 * 3600),
        attempts = attempts + 1,
        status = IF(attempts < 14, 'pending', 'failed'),
        last_error = LEFT(in_error, 255), claim = NULL, mtime = UNIX_TIMESTAMP()
    WHERE id = in_id AND status = 'pending';
END$$
DELIMITER ;
