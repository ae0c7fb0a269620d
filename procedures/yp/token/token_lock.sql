-- token_lock: lock the link of a mail that is still good, and before it the user who caused the mail.
--
-- Params:   in_secret     secret of the link
--           in_method     purpose of the link: signup or forgot_password
--           out_id        the row in token
--           out_email     address that the link was sent to
--           out_inviter   user who caused the mail: the inviter, or the owner of the account
-- Returns:  nothing
-- Errors:   INVALID_TOKEN    no such link
--           EXPIRIED_TOKEN   the link was used before, or is too old
-- Needs:    a transaction
-- Example:  CALL token_lock('example', 'signup', @id, @email, @inviter);
DELIMITER $$
CREATE OR REPLACE PROCEDURE token_lock(
    IN in_secret    VARCHAR(255),
    IN in_method    VARCHAR(32) COLLATE ascii_bin,
    OUT out_id      CHAR(64) COLLATE ascii_bin,
    OUT out_email   VARCHAR(255) COLLATE utf8mb4_bin,
    OUT out_inviter CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_status VARCHAR(16) COLLATE ascii_bin;
    DECLARE v_expiry INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: only to lock the user first; read again below
    SELECT inviter_id INTO out_inviter FROM token WHERE id = SHA2(in_secret, 256) AND method = in_method;
    CALL contact_pair_lock(out_inviter, NULL, NULL);
    -- lock only: the callers write the row
    SELECT id, email, status, expiry INTO out_id, out_email, v_status, v_expiry
    FROM token
    WHERE id = SHA2(in_secret, 256) AND method = in_method
    FOR UPDATE;
    IF out_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_TOKEN';
    ELSEIF v_status <> 'active' OR v_expiry <= UNIX_TIMESTAMP() THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'EXPIRIED_TOKEN';
    END IF;
END$$
DELIMITER ;
