-- drumate_signup: register the person who follows the link of a mail. The link proves the address.
-- token_consume uses up the link of an invitation in the same transaction; this routine does so with a link
-- that nobody sent.
--
-- The user name is the part of the address before the @; random digits follow it when another user of the
-- free domain has it.
--
-- Params:   in_secret          secret of the link
--           in_password_hash   argon2id
--           in_firstname, in_lastname
--           in_lang            language of the user, two letters
-- Returns:  one row            uid, wicket_id, db_name (drumate_create)
--           one row            data  JSON: email, inviter (NULL: nobody has invited)
-- Errors:   INVALID_TOKEN    no such link
--           EXPIRIED_TOKEN   the link was used before, or is too old
--           EMAIL_IN_USE     the invited address has an account already
--           NO_SHARD         no shard is open for new users
-- Needs:    a transaction
-- Example:  CALL drumate_signup('example-signup-secret', '-', 'Doc', 'Example', 'en');
DELIMITER $$
CREATE OR REPLACE PROCEDURE drumate_signup(
    IN in_secret        VARCHAR(255),
    IN in_password_hash VARCHAR(255),
    IN in_firstname     VARCHAR(255),
    IN in_lastname      VARCHAR(255),
    IN in_lang          VARCHAR(8) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(64) COLLATE ascii_bin;
    DECLARE v_inviter CHAR(16) COLLATE ascii_bin;
    DECLARE v_uid CHAR(16) COLLATE ascii_bin DEFAULT LOWER(HEX(RANDOM_BYTES(8)));
    DECLARE v_email VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_name, v_taken VARCHAR(80) COLLATE utf8mb4_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL token_lock(in_secret, 'signup', v_id, v_email, v_inviter);
    SET v_name = LEFT(SUBSTRING_INDEX(v_email, '@', 1), 70);
    -- unlocked: a unique key refuses the name when somebody takes it at this moment
    SELECT username INTO v_taken FROM drumate WHERE username = v_name AND domain_id = 1;
    IF v_taken IS NOT NULL THEN
        SET v_name = CONCAT(v_name, '-', LOWER(HEX(RANDOM_BYTES(4))));
    END IF;
    CALL drumate_create(v_uid, v_email, v_name, in_password_hash, in_firstname, in_lastname, NULL, NULL);
    UPDATE drumate SET lang = in_lang WHERE id = v_uid;
    IF v_inviter = 'ffffffffffffffff' THEN
        UPDATE token SET status = 'accepted', accepted_by = v_uid, accepted_at = UNIX_TIMESTAMP()
        WHERE id = v_id;
        SET v_inviter = NULL;
    END IF;
    SELECT JSON_OBJECT('email', v_email, 'inviter', v_inviter) AS data;
END$$
DELIMITER ;
