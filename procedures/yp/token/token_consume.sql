-- token_consume: use up the link of an invitation mail. It works once, within seven days, for the invited
-- address.
--
-- Params:   in_secret   secret of the link
--           in_uid      user who uses it
--           in_bind     1: use it although the user has another address; that is recorded
-- Returns:  one row     data  JSON: inviter, db (shard of the inviter), email (the invited one), lang, others
--                             (array of inviter and db: users who invited the same address)
-- Errors:   INVALID_TOKEN    no such link, or it was meant for another address
--           EXPIRIED_TOKEN   the link was used before, or is too old
--           SELF_CONTACT     an invitation by the same user
-- Needs:    a transaction
-- Example:  CALL token_consume('example', '00000000000000a1', 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE token_consume(
    IN in_secret VARCHAR(255),
    IN in_uid    CHAR(16) COLLATE ascii_bin,
    IN in_bind   TINYINT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_id CHAR(64) COLLATE ascii_bin;
    DECLARE v_inviter CHAR(16) COLLATE ascii_bin;
    DECLARE v_email, v_own_email VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_others LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: only to lock the users in the order of their ids
    SELECT inviter_id INTO v_inviter FROM token WHERE id = SHA2(in_secret, 256) AND method = 'signup';
    CALL contact_pair_lock(in_uid, v_inviter, NULL);
    CALL token_lock(in_secret, 'signup', v_id, v_email, v_inviter);
    SELECT email INTO v_own_email FROM drumate WHERE id = in_uid;

    IF v_email <> v_own_email AND in_bind = 0 THEN
        SIGNAL SQLSTATE '45000'
            SET MESSAGE_TEXT = '{"code": "INVALID_TOKEN", "reason": "it was sent to another address"}';
    ELSEIF v_inviter = in_uid THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SELF_CONTACT';
    END IF;

    UPDATE token SET status = 'accepted', accepted_by = in_uid, accepted_at = v_now WHERE id = v_id;
    -- later invitations of this address are not among them, and their links stay valid
    -- lock only: it keeps the shards of the inviters; one that another node moves refuses what comes (MOVING)
    SELECT JSON_ARRAYAGG(JSON_OBJECT('inviter', t.inviter_id, 'db', e.db_name)) INTO v_others
    FROM token AS t
    JOIN entity AS e ON e.id = t.inviter_id
    WHERE t.email = v_email AND t.method = 'signup' AND t.status = 'active' AND t.expiry > v_now
      AND t.inviter_id NOT IN (v_inviter, in_uid)
    FOR UPDATE;
    UPDATE token AS t
    JOIN JSON_TABLE(v_others, '$[*]' COLUMNS (
        inviter CHAR(16) COLLATE ascii_bin PATH '$.inviter'
    )) AS j ON j.inviter = t.inviter_id
    SET t.status = 'accepted', t.accepted_by = in_uid, t.accepted_at = v_now
    WHERE t.email = v_email AND t.method = 'signup' AND t.status = 'active';

    INSERT INTO contact_activity (uid, target_uid, event, data, ctime)
    VALUES (in_uid, v_inviter,
            'invite_accepted', JSON_OBJECT('email', v_own_email, 'invited', v_email), v_now);
    CALL webhook_invitation(v_inviter, in_uid, 'invitation.accepted', NULL);

    SELECT JSON_OBJECT('inviter', v_inviter, 'db', e.db_name, 'email', v_email, 'lang', d.lang,
                       'others', JSON_COMPACT(COALESCE(v_others, '[]'))) AS data
    FROM drumate AS d
    JOIN entity AS e ON e.id = d.id
    WHERE d.id = v_inviter;
END$$
DELIMITER ;
