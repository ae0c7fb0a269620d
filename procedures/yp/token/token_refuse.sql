-- token_refuse: refuse the invitation of a mail without an account. The link is used up.
--
-- Params:   in_secret   secret of the link
-- Returns:  one row     data  JSON: inviter, db (shard of the inviter), email (the invited address)
-- Errors:   INVALID_TOKEN    no such link
--           EXPIRIED_TOKEN   the link was used before, or is too old
-- Needs:    a transaction
-- Example:  CALL token_refuse('example-signup-secret');
DELIMITER $$
CREATE OR REPLACE PROCEDURE token_refuse(
    IN in_secret VARCHAR(255)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(64) COLLATE ascii_bin;
    DECLARE v_email VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_inviter CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL token_lock(in_secret, 'signup', v_id, v_email, v_inviter);
    UPDATE token SET status = 'expired' WHERE id = v_id;
    SELECT JSON_OBJECT('inviter', v_inviter, 'db', e.db_name, 'email', v_email) AS data
    FROM entity AS e
    WHERE e.id = v_inviter;
END$$
DELIMITER ;
