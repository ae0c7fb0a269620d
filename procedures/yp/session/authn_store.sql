-- authn_store: keep a one-time token with which a WebSocket may bind to a session.
--
-- Params:   in_sid     what the session cookie holds
--           in_token   the token, random; only its hash is stored
--           in_ttl     seconds it stays good
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL authn_store('example-sid', 'example-token', 60);
DELIMITER $$
CREATE OR REPLACE PROCEDURE authn_store(
    IN in_sid   VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_token VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_ttl   INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    INSERT INTO authn (id, session_id, expiry)
    VALUES (SHA2(in_token, 256), SHA2(in_sid, 256), UNIX_TIMESTAMP() + in_ttl);
END$$
DELIMITER ;
