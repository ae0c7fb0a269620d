-- api_token_drop: revoke a token.
--
-- Params:   in_token   the token
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL api_token_drop('example-token');
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_token_drop(
    IN in_token VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    DELETE FROM api_token WHERE id = SHA2(in_token, 256);
END$$
DELIMITER ;
