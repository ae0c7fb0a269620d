-- session_visit: store a token that binds a WebSocket to the session of a visitor who is not signed in, and
-- open that session. dmz.login and yp.login make its sockets those of the guest, or of the user.
--
-- When another tab of the visitor has become a guest at the same moment, the token is one of the guest.
--
-- Params:   in_sid         value of the session cookie, or NULL
--           in_successor   session id that replaces in_sid when the visitor opens a guest link, or NULL
--           in_new_sid     new random session id for a visitor without a session; NULL: open none
--           in_token       random token of authn_store
--           in_token_ttl   seconds until the token expires
--           in_ttl         seconds until the session ends when nobody uses it
--           in_ua          user agent
--           in_address     address of the caller
-- Returns:  one row        sid   in_sid, in_successor or in_new_sid: the session id of the browser from now
--                                on; NULL: none, and no token
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL session_visit(NULL, NULL, 'example-visitor', 'example-token', 60, 3600, 'doc', '127.0.0.1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_visit(
    IN in_sid       VARCHAR(128) COLLATE ascii_bin,
    IN in_successor VARCHAR(128) COLLATE ascii_bin,
    IN in_new_sid   VARCHAR(128) COLLATE ascii_bin,
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
    DECLARE v_session CHAR(64) COLLATE ascii_bin;
    DECLARE v_sid VARCHAR(128) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- a session_dmz_login at the same moment waits, and then moves the token
    -- lock only: at another node, the token opens nothing, and the page asks for a new one
    SELECT id INTO v_session
    FROM session
    WHERE id = SHA2(in_sid, 256) AND expiry > v_now
    FOR UPDATE;

    SET v_sid = CASE
        WHEN v_session IS NOT NULL THEN in_sid
        WHEN session_successor(in_successor, in_ua, in_address) IS NOT NULL THEN in_successor
        ELSE in_new_sid
    END;
    IF v_sid = in_new_sid THEN
        INSERT INTO session (id, uid, ua, address, ttl, expiry, ctime, mtime)
        VALUES (SHA2(v_sid, 256), 'ffffffffffffffff', in_ua, in_address, in_ttl, v_now + in_ttl, v_now,
                v_now);
    END IF;
    IF v_sid IS NOT NULL THEN
        CALL authn_store(v_sid, in_token, in_token_ttl);
    END IF;
    SELECT v_sid AS sid;
END$$
DELIMITER ;
