-- api_token_drop: the token is good for nothing any more.
--
-- Params:   in_token   the token
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL api_token_drop('example-token');
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_token_drop(
    IN in_token VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DELETE FROM api_token WHERE id = SHA2(in_token, 256);
END$$
DELIMITER ;
