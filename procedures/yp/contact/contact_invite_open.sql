-- contact_invite_open: begin an invitation: find the invited user, lock the pair, create the link and the
-- mail.
--
-- Users who blocked the inviter, and addresses that want no mails, get none; the inviter cannot tell. At most
-- one mail a minute goes from one user to one address, and a budget limits the mails of one user in 24 hours.
-- When it is used up, strangers cannot be invited; registered users are, but get no mail. When the invitation
-- is refused later, the transaction rolls everything back.
--
-- Params:   in_uid       inviter
--           in_key       uid, email or user name of the invited user
--           in_email     the key as a normalized address, or NULL when it is not one
--           in_message   text of the inviter, or NULL
--           in_secret    secret of the sign-up link; used when the key is not registered
--           in_mail      id of the mail
--           in_mails, in_mails_new, in_new_days   the budget of the inviter, as for mail_wait
-- Returns:  one row      data  JSON: peer (NULL: not registered), db (shard of the peer), email, blocked (1:
--                              the peer blocked the inviter), mail (the mail to send now, or NULL)
-- Errors:   INVALID_DATA           the key is neither an address nor the name of a user
--           SELF_CONTACT           the key is the inviter
--           SAME_DOMAIN            the key is a colleague in the inviter's organisation
--           TOO_MANY_INVITATIONS   the budget is used up; retry_after: seconds until it is not
-- Needs:    a transaction
-- Example:  CALL contact_invite_open('00000000000000a1', 'doc@example.com', 'doc@example.com', NULL,
--           'example', '0000000000000001', 50, 10, 7);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_invite_open(
    IN in_uid       CHAR(16) COLLATE ascii_bin,
    IN in_key       VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_email     VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_message   TEXT,
    IN in_secret    VARCHAR(64) COLLATE ascii_bin,
    IN in_mail      CHAR(16) COLLATE ascii_bin,
    IN in_mails     INT UNSIGNED,
    IN in_mails_new INT UNSIGNED,
    IN in_new_days  INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_peer CHAR(16) COLLATE ascii_bin;
    DECLARE v_db VARCHAR(64) COLLATE ascii_bin;
    DECLARE v_email VARCHAR(255) COLLATE utf8mb4_bin DEFAULT in_email;
    DECLARE v_lang VARCHAR(8);
    DECLARE v_blocked, v_silent TINYINT DEFAULT 0;
    DECLARE v_wait INT UNSIGNED DEFAULT 0;
    DECLARE v_refusal VARCHAR(128);
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT drumate_find(in_key) INTO v_peer;
    CALL contact_pair_lock(in_uid, v_peer, NULL);

    IF v_peer IS NULL AND in_email IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_DATA';
    ELSEIF v_peer = in_uid THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SELF_CONTACT';
    ELSEIF EXISTS (
        SELECT 1
        FROM drumate AS me
        JOIN drumate AS peer ON peer.domain_id = me.domain_id
        WHERE me.id = in_uid AND peer.id = v_peer AND me.domain_id > 1
    ) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SAME_DOMAIN';
    END IF;

    IF v_peer IS NOT NULL THEN
        SELECT e.db_name, d.email, d.lang INTO v_db, v_email, v_lang
        FROM drumate AS d
        JOIN entity AS e ON e.id = d.id
        WHERE d.id = v_peer;
    END IF;
    SET v_silent = EXISTS (
        SELECT 1 FROM mail_outbox WHERE sender_id = in_uid AND recipient = v_email AND ctime > v_now - 60
    );
    IF NOT v_silent THEN
        SET v_wait = mail_wait(in_uid, in_mails, in_mails_new, in_new_days);
    END IF;
    IF v_wait > 0 AND v_peer IS NULL THEN
        SET v_refusal = JSON_OBJECT('code', 'TOO_MANY_INVITATIONS', 'retry_after', v_wait + 0);
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_refusal;
    END IF;

    IF v_peer IS NULL THEN
        SELECT lang INTO v_lang FROM drumate WHERE id = in_uid;
        INSERT INTO token (id, method, email, inviter_id, status, expiry, ctime)
        VALUES (SHA2(in_secret, 256), 'signup', v_email, in_uid, 'active', v_now + 7 * 86400, v_now)
        ON DUPLICATE KEY UPDATE
            id = VALUES(id), status = 'active', expiry = VALUES(expiry), ctime = VALUES(ctime),
            accepted_by = NULL, accepted_at = NULL;
    ELSE
        SET v_blocked = is_blocked(v_peer, in_uid);
        INSERT INTO contact_activity (uid, target_uid, event, data, ctime)
        VALUES (in_uid, v_peer, 'invite_sent', JSON_OBJECT('email', v_email, 'message', in_message), v_now);
        IF NOT v_blocked THEN
            INSERT INTO contact_activity (uid, target_uid, event, data, ctime)
            SELECT v_peer, in_uid,
                   'invite_received', JSON_OBJECT('email', me.email, 'message', in_message), v_now
            FROM drumate AS me
            WHERE me.id = in_uid;
            CALL webhook_invitation(in_uid, v_peer, 'invitation.received', in_message);
        END IF;
    END IF;

    SET v_silent = v_silent OR v_wait > 0 OR v_blocked
        OR EXISTS (SELECT 1 FROM mail_optout WHERE email = v_email);
    IF NOT v_silent THEN
        INSERT INTO mail_outbox (id, sender_id, recipient, template, lang, data, next_try, ctime, mtime)
        SELECT in_mail, in_uid, v_email, IF(v_peer IS NULL, 'invite_stranger', 'invite_member'), v_lang,
               JSON_OBJECT('name', (SELECT NULLIF(p.firstname, '') FROM drumate AS p WHERE p.id = v_peer),
                           'inviter', me.fullname, 'inviter_email', me.email, 'message', in_message,
                           'secret', IF(v_peer IS NULL, in_secret, NULL)),
               -- the process that answers this request sends first; if it dies, others take over
               v_now + 20, v_now, v_now
        FROM drumate AS me
        WHERE me.id = in_uid;
    END IF;

    SELECT JSON_OBJECT('peer', v_peer, 'db', v_db, 'email', v_email, 'blocked', v_blocked + 0,
                       'mail', JSON_COMPACT((
                           SELECT c.data FROM mail_card AS c WHERE c.id = in_mail
                       ))) AS data;
END$$
DELIMITER ;
