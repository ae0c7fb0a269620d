-- contact_invite_open: begin an invitation: find the invited person, lock the pair, make the link and the mail.
--
-- Whoever blocked the inviter, or wants no mails, gets none; the inviter cannot tell. One mail a minute goes
-- from one person to one address, however often he invites. When the invitation is refused further on, the
-- transaction takes all of it back.
--
-- Params:   in_uid       who invites
--           in_key       uid, email or user name of the invited person
--           in_email     the key as a normalized address, or NULL when it is none
--           in_message   words of the inviter, or NULL
--           in_secret    what the sign-up link is to hold; used when nobody is registered under the key
--           in_mail      id of the mail
-- Returns:  one row      data  JSON: peer (NULL: not registered), db (his shard), email, blocked (1: he blocked
--                              the inviter), mail (the mail to send now, or NULL)
-- Errors:   INVALID_DATA   neither an address nor somebody's user name
--           SELF_CONTACT   the inviter himself
--           SAME_DOMAIN    a colleague of the inviter's organisation
-- Example:  CALL contact_invite_open('00000000000000a1', 'doc@example.com', 'doc@example.com', NULL, 'example', '0000000000000001');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_invite_open(
    IN in_uid     CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_key     VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_email   VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_message TEXT,
    IN in_secret  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_mail    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_peer CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_db VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_email VARCHAR(255) COLLATE utf8mb4_bin DEFAULT in_email;
    DECLARE v_lang VARCHAR(8);
    DECLARE v_blocked, v_silent TINYINT DEFAULT 0;

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

    IF v_peer IS NULL THEN
        SELECT lang INTO v_lang FROM drumate WHERE id = in_uid;
        INSERT INTO token (id, method, email, inviter_id, status, expiry, ctime)
        VALUES (SHA2(in_secret, 256), 'signup', v_email, in_uid, 'active', v_now + 7 * 86400, v_now)
        ON DUPLICATE KEY UPDATE
            id = VALUES(id), status = 'active', expiry = VALUES(expiry), ctime = VALUES(ctime),
            accepted_by = NULL, accepted_at = NULL;
    ELSE
        SELECT e.db_name, d.email, d.lang INTO v_db, v_email, v_lang
        FROM drumate AS d
        JOIN entity AS e ON e.id = d.id
        WHERE d.id = v_peer;
        SET v_blocked = is_blocked(v_peer, in_uid);
        INSERT INTO contact_activity (uid, target_uid, event, data, ctime)
        VALUES (in_uid, v_peer, 'invite_sent', JSON_OBJECT('email', v_email, 'message', in_message), v_now);
        IF NOT v_blocked THEN
            INSERT INTO contact_activity (uid, target_uid, event, data, ctime)
            SELECT v_peer, in_uid, 'invite_received', JSON_OBJECT('email', me.email, 'message', in_message), v_now
            FROM drumate AS me
            WHERE me.id = in_uid;
        END IF;
    END IF;

    SET v_silent = v_blocked OR EXISTS (SELECT 1 FROM mail_optout WHERE email = v_email) OR EXISTS (
        SELECT 1 FROM mail_outbox WHERE sender_id = in_uid AND recipient = v_email AND ctime > v_now - 60
    );
    IF NOT v_silent THEN
        INSERT INTO mail_outbox (id, sender_id, recipient, template, lang, data, next_try, ctime, mtime)
        SELECT in_mail, in_uid, v_email, IF(v_peer IS NULL, 'invite_stranger', 'invite_member'), v_lang,
               JSON_OBJECT('inviter', me.fullname, 'inviter_email', me.email, 'message', in_message,
                           'secret', IF(v_peer IS NULL, in_secret, NULL)),
               -- the process that answers this request sends first; should it die, others take over
               v_now + 20, v_now, v_now
        FROM drumate AS me
        WHERE me.id = in_uid;
    END IF;

    SELECT JSON_OBJECT('peer', v_peer, 'db', v_db, 'email', v_email, 'blocked', v_blocked + 0,
                       'mail', JSON_COMPACT(IF(v_silent, NULL, (
                           SELECT JSON_OBJECT('id', m.id, 'email', m.recipient, 'template', m.template,
                                              'lang', m.lang, 'data', JSON_COMPACT(m.data))
                           FROM mail_outbox AS m WHERE m.id = in_mail
                       )))) AS data;
END$$
DELIMITER ;
