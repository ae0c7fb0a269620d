-- api_token_add: remember a token for a person whose password was verified.
--
-- Params:   in_uid     who signs in
--           in_token   new token, random, never seen before
--           in_ttl     seconds the token lives without being used
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL api_token_add('00000000000000a1', 'example-new-token', 60);
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_token_add(
    IN in_uid   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_token VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_ttl   INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();

    INSERT INTO api_token (id, uid, mark, ttl, expiry, ctime, mtime)
    SELECT SHA2(in_token, 256), d.id, SHA2(d.password_hash, 256), in_ttl, v_now + in_ttl, v_now, v_now
    FROM drumate AS d
    WHERE d.id = in_uid;
END$$
DELIMITER ;
