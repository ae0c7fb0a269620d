-- session_visit: open a session for a visitor who is not signed in, and a token that binds a WebSocket to
-- it. dmz.login and yp.login make its sockets those of the guest, or of the user.
--
-- Params:   in_sid         new random session id
--           in_token       random token of authn_store
--           in_token_ttl   seconds until the token expires
--           in_ttl         seconds until the session ends when nobody uses it
--           in_ua          user agent
--           in_address     address of the caller
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL session_visit('example-visitor', 'example-token', 60, 3600, 'doc', '127.0.0.1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_visit(
    IN in_sid       VARCHAR(128) COLLATE ascii_bin,
    IN in_token     VARCHAR(64) COLLATE ascii_bin,
    IN in_token_ttl INT UNSIGNED,
    IN in_ttl       INT UNSIGNED,
    IN in_ua        VARCHAR(255),
    IN in_address   VARCHAR(45)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT INTO session (id, uid, ua, address, ttl, expiry, ctime, mtime)
    VALUES (SHA2(in_sid, 256), 'ffffffffffffffff', in_ua, in_address, in_ttl, v_now + in_ttl, v_now, v_now);
    CALL authn_store(in_sid, in_token, in_token_ttl);
END$$
DELIMITER ;
