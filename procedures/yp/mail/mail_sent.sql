-- mail_sent: record that a mail was sent. Its content is deleted, because it holds a secret link; the name of
-- the recipient stays for the page of the link (token_show).
--
-- Params:   in_id     mail
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL mail_sent('0000000000000001');
DELIMITER $$
CREATE OR REPLACE PROCEDURE mail_sent(
    IN in_id CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE mail_outbox
    SET status = 'sent', data = JSON_OBJECT('name', JSON_VALUE(data, '$.name')), claim = NULL,
        attempts = attempts + 1, last_error = '', next_try = UNIX_TIMESTAMP(), mtime = UNIX_TIMESTAMP()
    WHERE id = in_id;
END$$
DELIMITER ;
