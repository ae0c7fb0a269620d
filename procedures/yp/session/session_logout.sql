-- session_logout: end a session and delete its sockets.
--
-- Params:   in_sid   value of the session cookie
-- Returns:  per room that its sockets leave: the two sets of conference_drop
--           then rows   node, sockets  sockets of this session, to be closed
--           then rows   node, sockets  other sockets of the same user, to be notified
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL session_logout('example-sid');
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_logout(
    IN in_sid VARCHAR(128) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(64) COLLATE ascii_bin DEFAULT SHA2(in_sid, 256);
    DECLARE v_uid CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT uid INTO v_uid FROM session WHERE id = v_id FOR UPDATE;
    CALL session_end(JSON_ARRAY(v_id));
    CALL user_sockets(v_uid, NULL);
END$$
DELIMITER ;
