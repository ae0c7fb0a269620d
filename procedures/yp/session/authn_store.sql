-- authn_store: store a one-time token that binds a WebSocket to a session.
--
-- Params:   in_sid     value of the session cookie
--           in_token   random token; only its hash is stored
--           in_ttl     seconds until it expires
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL authn_store('example-sid', 'example-token', 60);
DELIMITER $$
CREATE OR REPLACE PROCEDURE authn_store(
    IN in_sid   VARCHAR(128) COLLATE ascii_bin,
    IN in_token VARCHAR(64) COLLATE ascii_bin,
    IN in_ttl   INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT INTO authn (id, session_id, expiry)
    VALUES (SHA2(in_token, 256), SHA2(in_sid, 256), UNIX_TIMESTAMP() + in_ttl);
END$$
DELIMITER ;
