-- socket_bind: bind a new WebSocket to a session, by one-time token or by cookie. The token is used up.
--
-- The socket takes over the rooms of the former socket of its tab, which the token names after a ~, even if
-- nobody has noticed yet that the former one is dead. A page that names none takes over nothing.
--
-- When the connection to the database broke between the commit and the answer, the page was refused, and it
-- still names the socket that it had before. It gets what the refused one, now lost, took over from that.
-- It may be refused several times in a row: lost_socket.was remembers those that it has never heard of.
--
-- A visitor (session_visit) is the user ffffffffffffffff.
--
-- Params:   in_socket   id of the socket
--           in_sid      value of the session cookie, or NULL
--           in_token    one-time token of bootstrap.authn, or NULL; wins over the cookie
--           in_node     process that holds the socket
-- Returns:  per room taken over: the two sets of conference_moved
--           then at most one row   data  JSON: uid, db (shard of the user; NULL for a guest), first (1: no
--                                        other socket of the user is open or lost), session (its hash),
--                                        former (the socket that the token names, of the same session, open
--                                        or lost within a day), mailboxes (JSON array: former, and the
--                                        refused sockets since), holder (process that holds the last of them
--                                        still), user (session_card, for sys.hello); no row without a session
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL socket_bind('example-socket', 'no-such-session', NULL, '00000000000000e1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_bind(
    IN in_socket VARCHAR(32) COLLATE ascii_bin,
    IN in_sid    VARCHAR(128) COLLATE ascii_bin,
    IN in_token  VARCHAR(64) COLLATE ascii_bin,
    IN in_node   VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_session CHAR(64) COLLATE ascii_bin;
    DECLARE v_uid CHAR(16) COLLATE ascii_bin;
    DECLARE v_former, v_predecessor, v_refused, v_known VARCHAR(32) COLLATE ascii_bin;
    DECLARE v_mailboxes LONGTEXT COLLATE utf8mb4_bin;
    DECLARE v_holder CHAR(16) COLLATE ascii_bin;
    DECLARE v_first TINYINT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    IF in_token IS NOT NULL THEN
        SELECT session_id INTO v_session
        FROM authn WHERE id = SHA2(in_token, 256) AND expiry > v_now FOR UPDATE;
        DELETE FROM authn WHERE id = SHA2(in_token, 256);
        SET v_former = IF(v_session IS NULL OR LOCATE('~', in_token) = 0, NULL,
                       SUBSTRING_INDEX(in_token, '~', -1));
    END IF;

    -- locked in share mode: a logout at the same moment waits, and then finds this socket
    SELECT s.id, s.uid INTO v_session, v_uid
    FROM session AS s
    WHERE s.id = COALESCE(v_session, SHA2(in_sid, 256))
      AND s.expiry > v_now
      AND NOT EXISTS (SELECT 1 FROM entity AS a WHERE a.id = s.uid AND a.status <> 'active')
    LOCK IN SHARE MODE;

    IF v_uid IS NOT NULL THEN
        SET v_first = NOT EXISTS (SELECT 1 FROM socket WHERE uid = v_uid AND state <> 'idle');
        INSERT INTO socket (id, uid, session_id, node, ctime)
        VALUES (in_socket, v_uid, v_session, in_node, v_now);

        SELECT MAX(id), MAX(IF(state = 'lost', NULL, node)) INTO v_predecessor, v_holder FROM socket
        WHERE id = v_former AND session_id = v_session FOR UPDATE;
        IF v_predecessor IS NULL THEN
            SELECT id INTO v_predecessor
            FROM socket
            WHERE session_id = v_session AND was = v_former AND state = 'lost'
            ORDER BY ctime DESC
            LIMIT 1
            FOR UPDATE;
            SET v_refused = v_predecessor;
        END IF;
        IF v_predecessor IS NOT NULL THEN
            INSERT IGNORE INTO lost_socket (id, session_id, heard_at, lost_at, rooms)
            SELECT v_predecessor, v_session, LEAST(v_now, COALESCE(MAX(heartbeat), v_now)), v_now, '[]'
            FROM node WHERE id = v_holder;
            CALL conference_move(v_predecessor, in_socket);
            -- nobody has heard of the refused one
            UPDATE socket SET was = v_former WHERE id = in_socket;
            CALL conference_moved(JSON_ARRAY(in_socket));
        END IF;
    END IF;

    -- the socket has moved to the session of a new sign-in; its entry in lost_socket keeps the former one
    SET v_known = IF(v_predecessor IS NOT NULL, v_former, (
        SELECT id FROM lost_socket WHERE id = v_former AND session_id = v_session
    ));
    SET v_mailboxes = (
        WITH RECURSIVE mailbox (id, number) AS (
            SELECT v_known, 1
            UNION ALL
            SELECT l.id, m.number + 1
            FROM mailbox AS m
            JOIN lost_socket AS l ON l.was = m.id AND l.session_id = v_session
        )
        SELECT COALESCE(JSON_ARRAYAGG(id ORDER BY number), '[]') FROM mailbox WHERE id IS NOT NULL
    );
    IF v_refused IS NOT NULL THEN
        INSERT INTO lost_socket (id, session_id, heard_at, lost_at, rooms, was)
        VALUES (v_refused, v_session, v_now, v_now, '[]', JSON_VALUE(v_mailboxes, '$[last]'))
        ON DUPLICATE KEY UPDATE was = VALUES(was);
        SET v_mailboxes = JSON_ARRAY_APPEND(v_mailboxes, '$', v_refused);
    END IF;
    SELECT JSON_OBJECT(
        'uid', k.uid, 'db', k.db_name, 'first', IF(v_first, 1, 0), 'session', k.id,
        'former', v_known,
        'mailboxes', JSON_COMPACT(v_mailboxes),
        'holder', v_holder,
        'user', JSON_COMPACT(k.user)
    ) AS data
    FROM session_card AS k
    WHERE k.id = v_session AND v_uid IS NOT NULL;
END$$
DELIMITER ;
