-- webhook_mail: mail the owner of a subscription that has failed. One of the site has nobody to mail to.
--
-- Params:   in_id      subscription
--           in_mail    id of the mail
--           in_error   reason, for the owner
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_mail('0000000000000d01', '0000000000000002', 'too many events wait');
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_mail(
    IN in_id    CHAR(16) COLLATE ascii_bin,
    IN in_mail  CHAR(16) COLLATE ascii_bin,
    IN in_error VARCHAR(64)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_nobody CHAR(16) COLLATE ascii_bin DEFAULT 'ffffffffffffffff';
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT INTO mail_outbox (id, sender_id, recipient, template, lang, data, next_try, ctime, mtime)
    SELECT in_mail, v_nobody, p.email, 'webhook_failed', p.lang,
           JSON_OBJECT('name', p.fullname, 'url', w.url, 'error', in_error), v_now, v_now, v_now
    FROM webhook AS w
    JOIN drumate AS p ON p.id = w.uid
    WHERE w.id = in_id AND w.state = 'failed';
END$$
DELIMITER ;
