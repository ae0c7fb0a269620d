-- meeting_invite: put the invitation to a meeting, or the news of its change, into the outbox.
--
-- Addresses that want no mails get none, and at most one invitation a minute goes from one user to one
-- address; the inviter cannot tell.
--
-- Params:   in_uid        user who invites
--           in_email      normalized address
--           in_mail       id of the mail
--           in_data       JSON, see meeting_notify; kind is invite (also when it is absent) or change
--           in_mails, in_mails_new, in_new_days   the budget of the inviter, as for mail_wait
-- Returns:  one row       data  JSON: mail (the mail to send now, or NULL)
-- Errors:   TOO_MANY_INVITATIONS   the budget is used up
-- Needs:    a transaction
-- Example:  CALL meeting_invite('00000000000000a1', 'guest@example.com', '00000000000000ea', '{}', 50, 10,
--           7);
DELIMITER $$
CREATE OR REPLACE PROCEDURE meeting_invite(
    IN in_uid       CHAR(16) COLLATE ascii_bin,
    IN in_email     VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_mail      CHAR(16) COLLATE ascii_bin,
    IN in_data      LONGTEXT,
    IN in_mails     INT UNSIGNED,
    IN in_mails_new INT UNSIGNED,
    IN in_new_days  INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_wait INT UNSIGNED;
    DECLARE v_silent, v_is_change TINYINT;
    DECLARE v_kind VARCHAR(16) COLLATE ascii_bin DEFAULT JSON_VALUE(in_data, '$.kind');
    DECLARE v_refusal VARCHAR(511);
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL contact_pair_lock(in_uid, NULL, NULL);
    SET v_is_change = COALESCE(v_kind = 'change', 0);
    SET v_silent = EXISTS (SELECT 1 FROM mail_optout WHERE email = in_email)
        OR (NOT v_is_change AND EXISTS (
            SELECT 1 FROM mail_outbox
            WHERE sender_id = in_uid AND recipient = in_email AND template = 'invite_meeting'
              AND ctime > v_now - 60
        ));
    IF NOT v_silent THEN
        SET v_wait = mail_wait(in_uid, in_mails, in_mails_new, in_new_days);
        IF v_wait > 0 THEN
            SET v_refusal = JSON_OBJECT('code', 'TOO_MANY_INVITATIONS', 'retry_after', v_wait + 0);
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_refusal;
        END IF;
        CALL meeting_notify(in_uid, in_email, in_mail, in_data);
    ELSE
        SELECT JSON_OBJECT('mail', NULL) AS data;
    END IF;
END$$
DELIMITER ;
