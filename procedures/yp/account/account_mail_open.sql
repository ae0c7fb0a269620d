-- account_mail_open: make the link and the mail for a new password, or for an account that nobody has
-- invited to.
--
-- At most one mail in a minute, and three in an hour, go to one address. The caller answers alike whether
-- there is a mail or not, so nobody learns which addresses have accounts.
--
-- Params:   in_method   forgot_password (the link works for an hour) or signup (seven days)
--           in_email    address, normalized
--           in_lang     language of a mail to somebody without an account, two letters
--           in_secret   secret of the link
--           in_mail     id of the mail
-- Returns:  one row     data  JSON: mail (the mail to send now; NULL: no active account has the address, or
--                             for signup an account has it, or it has got enough mails)
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL account_mail_open('forgot_password', 'alice@example.org', 'en', 'x', '0000000000000001');
DELIMITER $$
CREATE OR REPLACE PROCEDURE account_mail_open(
    IN in_method VARCHAR(32) COLLATE ascii_bin,
    IN in_email  VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_lang   VARCHAR(8) COLLATE ascii_bin,
    IN in_secret VARCHAR(64) COLLATE ascii_bin,
    IN in_mail   CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_nobody CHAR(16) COLLATE ascii_bin DEFAULT 'ffffffffffffffff';
    DECLARE v_uid CHAR(16) COLLATE ascii_bin;
    DECLARE v_status VARCHAR(16) COLLATE ascii_bin;
    DECLARE v_name VARCHAR(511);
    DECLARE v_lang VARCHAR(8) COLLATE ascii_bin DEFAULT in_lang;
    DECLARE v_hour_count, v_minute_count INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- lock only: at two nodes, two requests at once make two mails; the token has one row by its key
    SELECT d.id, d.fullname, e.status, d.lang INTO v_uid, v_name, v_status, v_lang
    FROM drumate AS d
    JOIN entity AS e ON e.id = d.id
    WHERE d.email = in_email
    FOR UPDATE;
    -- unlocked: two requests at once make two mails at worst
    SELECT COUNT(*), COALESCE(SUM(ctime > v_now - 60), 0) INTO v_hour_count, v_minute_count
    FROM mail_outbox
    WHERE sender_id = v_nobody AND recipient = in_email AND ctime > v_now - 3600;

    IF v_hour_count < 3 AND v_minute_count = 0
       AND IF(in_method = 'signup', v_uid IS NULL, v_status <=> 'active') THEN
        INSERT INTO token (id, method, email, inviter_id, status, expiry, ctime)
        VALUES (SHA2(in_secret, 256), in_method, in_email, COALESCE(v_uid, v_nobody), 'active',
                v_now + IF(in_method = 'signup', 7 * 86400, 3600), v_now)
        ON DUPLICATE KEY UPDATE
            id = VALUES(id), status = 'active', expiry = VALUES(expiry), ctime = VALUES(ctime),
            accepted_by = NULL, accepted_at = NULL;
        INSERT INTO mail_outbox (id, sender_id, recipient, template, lang, data, next_try, ctime, mtime)
        VALUES (in_mail, v_nobody, in_email, IF(in_method = 'signup', 'confirm', 'new_password'),
                COALESCE(v_lang, in_lang), JSON_OBJECT('name', v_name, 'uid', v_uid, 'secret', in_secret),
                -- the process that answers this request sends first; if it dies, others take over
                v_now + 20, v_now, v_now);
    END IF;

    SELECT JSON_OBJECT('mail', JSON_COMPACT(MAX(c.data))) AS data
    FROM mail_card AS c WHERE c.id = in_mail;
END$$
DELIMITER ;
