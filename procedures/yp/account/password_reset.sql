-- password_reset: set a new password by the link of a mail. The link is used up, and every sign-in of the
-- user ends.
--
-- Params:   in_secret          secret of the link
--           in_uid             user, as the link names them
--           in_password_hash   argon2id
-- Returns:  per room that sockets leave, then rows, then one row: as session_revoke
-- Errors:   INVALID_TOKEN    no such link, or it is another user's
--           EXPIRIED_TOKEN   the link was used before, or is too old
-- Needs:    a transaction
-- Example:  CALL password_reset('example-password-secret', '00000000000000a1', '-');
DELIMITER $$
CREATE OR REPLACE PROCEDURE password_reset(
    IN in_secret        VARCHAR(255),
    IN in_uid           CHAR(16) COLLATE ascii_bin,
    IN in_password_hash VARCHAR(255)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(64) COLLATE ascii_bin;
    DECLARE v_email VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_uid CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL token_lock(in_secret, 'forgot_password', v_id, v_email, v_uid);
    IF v_uid <> in_uid THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_TOKEN';
    END IF;

    UPDATE token SET status = 'accepted', accepted_by = v_uid, accepted_at = UNIX_TIMESTAMP()
    WHERE id = v_id;
    CALL password_change(v_uid, in_password_hash, NULL);
END$$
DELIMITER ;
