-- socket_bind: bind a new WebSocket to a session, by one-time token or by cookie. The token is used up.
--
-- Params:   in_socket   id of the socket
--           in_sid      what the session cookie holds, or NULL
--           in_token    one-time token of bootstrap.authn, or NULL; wins over the cookie
--           in_node     service process that holds the socket
-- Returns:  at most one row   data  JSON: uid, db (his shard), first (1: nobody else of his was connected),
--                                   user (as sys.hello shows him); no row without a live session
-- Errors:   none
-- Example:  CALL socket_bind('example-socket', 'no-such-session', NULL, '00000000000000e1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_bind(
    IN in_socket VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_sid    VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_token  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_node   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_session CHAR(64) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_uid CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_first TINYINT;

    IF in_token IS NOT NULL THEN
        SELECT session_id INTO v_session
        FROM authn WHERE id = SHA2(in_token, 256) AND expiry > v_now FOR UPDATE;
        DELETE FROM authn WHERE id = SHA2(in_token, 256);
    END IF;

    -- locked in share mode: a logout at the same moment waits, and then finds this socket
    SELECT s.id, s.uid INTO v_session, v_uid
    FROM session AS s
    WHERE s.id = COALESCE(v_session, SHA2(in_sid, 256)) AND s.expiry > v_now
    LOCK IN SHARE MODE;

    IF v_uid IS NOT NULL THEN
        SET v_first = NOT EXISTS (SELECT 1 FROM socket WHERE uid = v_uid AND state = 'active');
        INSERT INTO socket (id, uid, session_id, node, ctime)
        VALUES (in_socket, v_uid, v_session, in_node, v_now);
    END IF;

    SELECT JSON_OBJECT(
        'uid', d.id,
        'db', e.db_name,
        'first', IF(v_first, 1, 0),
        'user', JSON_OBJECT(
            'id', d.id, 'uid', d.id, 'ident', d.username, 'username', d.username,
            'firstname', d.firstname, 'lastname', d.lastname, 'fullname', d.fullname,
            'email', d.email, 'lang', d.lang, 'domain', o.name, 'domain_id', d.domain_id,
            'connection', 'online', 'signed_in', 1
        )
    ) AS data
    FROM drumate AS d
    JOIN entity AS e ON e.id = d.id
    JOIN domain AS o ON o.id = d.domain_id
    WHERE d.id = v_uid;
END$$
DELIMITER ;
