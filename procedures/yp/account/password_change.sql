-- password_change: set the password of a user, and end their sign-ins. Links for a new password end as well.
--
-- Params:   in_uid             user, whose old password or whose link was verified
--           in_password_hash   argon2id
--           in_keep            a sign-in that stays, as session_list shows it, or NULL
-- Returns:  per room that sockets leave, then rows, then one row: as session_revoke
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL password_change('00000000000000a1', '-', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE password_change(
    IN in_uid           CHAR(16) COLLATE ascii_bin,
    IN in_password_hash VARCHAR(255),
    IN in_keep          CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_email VARCHAR(255) COLLATE utf8mb4_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT email INTO v_email FROM drumate WHERE id = in_uid FOR UPDATE;
    UPDATE drumate SET password_hash = in_password_hash, mtime = UNIX_TIMESTAMP() WHERE id = in_uid;
    UPDATE token SET status = 'expired'
    WHERE email = v_email AND method = 'forgot_password' AND inviter_id = in_uid AND status = 'active';
    -- a sign-in to /api/v1 that stays is one with the new password
    UPDATE api_grant SET mark = SHA2(in_password_hash, 256) WHERE id = in_keep AND uid = in_uid;
    CALL session_revoke(in_uid, NULL, in_keep);
END$$
DELIMITER ;
