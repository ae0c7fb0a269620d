-- session_logout: end a session and forget the sockets that were bound to it.
--
-- Params:   in_sid   what the session cookie holds
-- Returns:  per room that its sockets leave: the two sets of conference_drop
--           then rows   uid, node, sockets  sockets of this session, to be closed
--           then rows   node, sockets       other sockets of the same person, to be told
-- Errors:   none
-- Example:  CALL session_logout('example-sid');
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_logout(
    IN in_sid VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT SHA2(in_sid, 256);
    DECLARE v_uid CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_sockets INT UNSIGNED;

    SELECT uid INTO v_uid FROM session WHERE id = v_id FOR UPDATE;
    -- the sockets before their rooms, as whoever enters one does
    SELECT COUNT(*) INTO v_sockets FROM socket WHERE session_id = v_id FOR UPDATE;

    -- unlocked: they are locked above
    FOR r IN (SELECT id FROM socket WHERE session_id = v_id ORDER BY id) DO
        CALL conference_drop(r.id, NULL);
    END FOR;

    SELECT v_uid AS uid, node, JSON_ARRAYAGG(id) AS sockets
    FROM socket WHERE session_id = v_id
    GROUP BY node;

    SELECT node, JSON_ARRAYAGG(id) AS sockets
    FROM socket WHERE uid = v_uid AND session_id <> v_id AND state = 'active'
    GROUP BY node;

    DELETE FROM socket WHERE session_id = v_id;
    DELETE FROM authn WHERE session_id = v_id;
    DELETE FROM session WHERE id = v_id;
END$$
DELIMITER ;
