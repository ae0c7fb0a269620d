-- call_log_start: what is needed to log a call: its entry's id, and whether the two have really called.
--
-- Locks the pair until the commit, so that the entries of both sides are written by one at a time.
-- The side that was called logs nothing: every call is logged once, by who made it.
--
-- Params:   in_caller   who logs
--           in_peer     the other one
--           in_room     room of the call, or NULL: the newest between the two
-- Returns:  at most one row   data  JSON: uid, callee_id, message_id, invited (1: an invitation proves the call),
--                                   caller_db, callee_db; no row for strangers to the service, hubs and blocks
-- Errors:   none
-- Example:  CALL call_log_start('00000000000000a1', '00000000000000b1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE call_log_start(
    IN in_caller CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_peer   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_room   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_room VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_peer CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_blocked TINYINT;

    SELECT MAX(id) INTO v_peer FROM drumate WHERE id = in_peer AND id <> in_caller;
    IF v_peer IS NOT NULL THEN
        CALL contact_pair_lock(in_caller, v_peer, NULL);
        SELECT is_blocked(in_caller, v_peer) OR is_blocked(v_peer, in_caller) INTO v_blocked;
    END IF;
    SELECT room_id INTO v_room
    FROM call_invitation
    WHERE callee_id = v_peer AND caller_id = in_caller AND room_id = COALESCE(in_room, room_id)
    ORDER BY ctime DESC
    LIMIT 1;

    SELECT JSON_OBJECT(
        'uid', me.id, 'callee_id', peer.id, 'invited', IF(v_room IS NULL, 0, 1),
        'message_id', call_message_id(COALESCE(v_room, in_room, HEX(RANDOM_BYTES(8))), me.id, peer.id),
        'caller_db', me.db_name, 'callee_db', peer.db_name
    ) AS data
    FROM entity AS me
    JOIN entity AS peer ON peer.id = v_peer AND peer.status = 'active'
    WHERE me.id = in_caller
      AND v_blocked = 0
      AND NOT EXISTS (
        SELECT 1 FROM call_invitation AS i
        WHERE i.callee_id = in_caller AND i.caller_id = v_peer AND i.room_id = in_room
      );
END$$
DELIMITER ;
