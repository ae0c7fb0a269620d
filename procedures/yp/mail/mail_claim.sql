-- mail_claim: claim mails that are due, so that no other process sends them meanwhile.
--
-- The claim of a process that dies ends with the lease. The routine also gives up mails that could not be
-- sent for three days, and deletes mails that were sent a week ago.
--
-- Params:   in_claim   id of this batch
--           in_limit   mails at most
--           in_lease   seconds until other processes may send them
-- Returns:  rows       data  JSON: id, email, template, lang, data
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL mail_claim('0000000000000001', 10, 60);
DELIMITER $$
CREATE OR REPLACE PROCEDURE mail_claim(
    IN in_claim CHAR(16) COLLATE ascii_bin,
    IN in_limit INT UNSIGNED,
    IN in_lease INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    DELETE FROM mail_outbox WHERE status = 'sent' AND next_try < v_now - 7 * 86400 ORDER BY next_try
    LIMIT 100;
    UPDATE mail_outbox SET status = 'failed', mtime = v_now,
        last_error = IF(last_error = '', 'too old', last_error)
    WHERE status = 'pending' AND next_try <= v_now AND ctime < v_now - 3 * 86400;
    UPDATE mail_outbox SET claim = in_claim, next_try = v_now + in_lease
    WHERE status = 'pending' AND next_try <= v_now
    ORDER BY next_try
    LIMIT in_limit;

    SELECT c.data
    FROM mail_outbox AS m
    JOIN mail_card AS c ON c.id = m.id
    WHERE m.claim = in_claim AND m.status = 'pending';
END$$
DELIMITER ;
