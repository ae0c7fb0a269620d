-- api_token_touch: the token was used, so it lives on for its ttl.
--
-- Params:   in_token   the token
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL api_token_touch('example-token');
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_token_touch(
    IN in_token VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();

    UPDATE api_token
    SET mtime = v_now, expiry = v_now + ttl
    WHERE id = SHA2(in_token, 256) AND expiry > v_now;
END$$
DELIMITER ;
