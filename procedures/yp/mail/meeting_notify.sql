-- meeting_notify: put a mail about a meeting into the outbox. Addresses that want no mails get none.
--
-- Params:   in_uid     user who plans the meeting
--           in_email   normalized address
--           in_mail    id of the mail
--           in_data    JSON: kind (invite, change or cancel), name (of the guest), title, date, start,
--                      message, url, room (texts), sequence
-- Returns:  one row    data  JSON: mail (the mail to send now, or NULL)
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL meeting_notify('00000000000000a1', 'guest@example.com', '00000000000000ea', '{}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE meeting_notify(
    IN in_uid   CHAR(16) COLLATE ascii_bin,
    IN in_email VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_mail  CHAR(16) COLLATE ascii_bin,
    IN in_data  LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT INTO mail_outbox (id, sender_id, recipient, template, lang, data, next_try, ctime, mtime)
    SELECT in_mail, in_uid, in_email, 'invite_meeting', COALESCE(d.lang, me.lang),
           JSON_SET(in_data, '$.inviter', me.fullname, '$.inviter_email', me.email),
           -- the process that answers this request sends first; if it dies, others take over
           v_now + 20, v_now, v_now
    FROM drumate AS me
    LEFT JOIN drumate AS d ON d.email = in_email
    WHERE me.id = in_uid AND NOT EXISTS (SELECT 1 FROM mail_optout AS o WHERE o.email = in_email);

    SELECT JSON_OBJECT('mail', JSON_COMPACT(MAX(c.data))) AS data
    FROM mail_card AS c WHERE c.id = in_mail;
END$$
DELIMITER ;
