-- session_signin: open a session for a person whose password was verified; the id rotates.
--
-- Sockets of the replaced session move to the new one, so an open tab keeps its WebSocket; those of another
-- person leave their rooms and are to be closed.
--
-- Params:   in_uid      who signs in
--           in_sid      new session id, random, never seen before
--           in_old_sid  session id that the browser showed, or NULL
--           in_ttl      seconds the session lives without being used
--           in_ua       user agent
--           in_address  address of the caller
-- Returns:  per room that sockets of another person leave: the two sets of conference_drop
--           then rows     node, sockets  sockets of another person, to be closed
--           then one row  data  JSON: user, hub, organization (get_user)
-- Errors:   none
-- Example:  CALL session_signin('00000000000000a1', 'example-new-sid', NULL, 60, 'doc', '127.0.0.1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_signin(
    IN in_uid     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_sid     VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_old_sid VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_ttl     INT UNSIGNED,
    IN in_ua      VARCHAR(255),
    IN in_address VARCHAR(45)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_old CHAR(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT SHA2(in_old_sid, 256);
    DECLARE v_sockets INT UNSIGNED;

    INSERT INTO session (id, uid, ua, address, ttl, expiry, ctime, mtime)
    VALUES (SHA2(in_sid, 256), in_uid, in_ua, in_address, in_ttl, v_now + in_ttl, v_now, v_now);

    UPDATE socket
    SET session_id = SHA2(in_sid, 256)
    WHERE session_id = v_old AND uid = in_uid;

    -- the sockets before their rooms, as whoever enters one does
    SELECT COUNT(*) INTO v_sockets FROM socket WHERE session_id = v_old FOR UPDATE;
    -- unlocked: they are locked above
    FOR r IN (SELECT id FROM socket WHERE session_id = v_old ORDER BY id) DO
        CALL conference_drop(r.id, NULL);
    END FOR;
    SELECT node, JSON_ARRAYAGG(id) AS sockets FROM socket WHERE session_id = v_old GROUP BY node;

    DELETE FROM socket WHERE session_id = v_old;
    DELETE FROM authn WHERE session_id = v_old;
    DELETE FROM session WHERE id = v_old;

    CALL get_user(in_uid);
END$$
DELIMITER ;
