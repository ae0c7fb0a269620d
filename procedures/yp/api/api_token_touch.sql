-- api_token_touch: extend a token by its ttl after its use, but not beyond its absolute end.
--
-- Params:   in_token      the token
--           in_lifetime   seconds from the sign-in to the absolute end
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL api_token_touch('example-token', 3600);
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_token_touch(
    IN in_token    VARCHAR(64) COLLATE ascii_bin,
    IN in_lifetime INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE api_token
    SET mtime = v_now, expiry = LEAST(v_now + ttl, ctime + in_lifetime)
    WHERE id = SHA2(in_token, 256) AND expiry > v_now;
END$$
DELIMITER ;
