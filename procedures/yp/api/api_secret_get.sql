-- api_secret_get: get the secret that signs access tokens, the same for every node. The first call creates
-- it.
--
-- Params:   none
-- Returns:  one row   secret  64 hex characters
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL api_secret_get();
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_secret_get()
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT INTO api_secret (id, secret, ctime)
    VALUES (1, LOWER(HEX(RANDOM_BYTES(32))), UNIX_TIMESTAMP())
    ON DUPLICATE KEY UPDATE id = id;
    -- lock only: nobody changes the secret; of two first ones, the key lets one pass
    SELECT secret FROM api_secret WHERE id = 1 FOR UPDATE;
END$$
DELIMITER ;
