-- session_signin: open a session for a user whose password was verified. The session id changes.
--
-- Sockets of the user in the replaced session move to the new one, so open tabs keep their WebSockets. Of a
-- visitor's session (session_visit) only the socket of the tab that signs in moves: anybody who had learnt
-- the id of that session could hold the others. These, and sockets of another user, leave their rooms and
-- must be closed; so must those of the sessions that end because the user has too many: the ones that have
-- not been used for the longest time.
--
-- Params:   in_uid      user
--           in_sid      new random session id
--           in_old_sid  session id of the browser until now, or NULL
--           in_socket   socket of the tab, or NULL
--           in_ttl      seconds until an unused session ends
--           in_most     sessions that the user may have
--           in_ua       user agent
--           in_address  address of the caller
-- Returns:  per room that the sockets of ended sessions leave: the two sets of conference_drop
--           then rows     node, sockets  sockets of ended sessions, to be closed
--           then one row  data  JSON: user, hub, organization (get_user)
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL session_signin('00000000000000a1', 'example-new-sid', NULL, NULL, 60, 20, 'doc',
--           '127.0.0.1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_signin(
    IN in_uid     VARCHAR(64) COLLATE ascii_bin,
    IN in_sid     VARCHAR(128) COLLATE ascii_bin,
    IN in_old_sid VARCHAR(128) COLLATE ascii_bin,
    IN in_socket  VARCHAR(64) COLLATE ascii_bin,
    IN in_ttl     INT UNSIGNED,
    IN in_most    INT UNSIGNED,
    IN in_ua      VARCHAR(255),
    IN in_address VARCHAR(45)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_new CHAR(64) COLLATE ascii_bin DEFAULT SHA2(in_sid, 256);
    DECLARE v_old CHAR(64) COLLATE ascii_bin DEFAULT SHA2(in_old_sid, 256);
    DECLARE v_uid CHAR(16) COLLATE ascii_bin;
    DECLARE v_ended LONGTEXT COLLATE utf8mb4_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- sign-ins of one user wait for each other, so that each counts the others
    -- lock only: at two nodes at once, one sign-in too many stays until the next one
    SELECT id INTO v_uid FROM drumate WHERE id = in_uid FOR UPDATE;

    INSERT INTO session (id, uid, ua, address, ttl, expiry, ctime, mtime)
    VALUES (v_new, in_uid, in_ua, in_address, in_ttl, v_now + in_ttl, v_now, v_now);

    UPDATE socket
    SET session_id = v_new, uid = in_uid
    WHERE session_id = v_old AND (uid = in_uid OR (uid = 'ffffffffffffffff' AND id = in_socket));

    -- unlocked: the user is locked above
    SELECT COALESCE(JSON_ARRAYAGG(e.id), '[]') INTO v_ended
    FROM (
        SELECT v_old AS id FROM (SELECT 1) AS one WHERE v_old IS NOT NULL
        UNION
        SELECT o.id
        FROM (
            SELECT s.id, ROW_NUMBER() OVER (ORDER BY s.mtime DESC, s.ctime DESC, s.id) AS place
            FROM session AS s
            WHERE s.uid = in_uid AND s.id <> v_new AND NOT s.id <=> v_old
        ) AS o
        WHERE o.place >= in_most
    ) AS e;
    CALL session_end(v_ended);

    CALL get_user(in_uid);
END$$
DELIMITER ;
