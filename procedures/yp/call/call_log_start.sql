-- call_log_start: begin to log a call: find the id of the entry, and whether the two users have really
-- called.
--
-- The pair is locked until the commit, so that one process at a time writes the entries of both sides. Only
-- the caller logs the call.
--
-- Params:   in_caller   user who logs
--           in_peer     other user
--           in_room     room of the call, or NULL: the newest of the two
-- Returns:  at most one row   data  JSON: uid, callee_id, message_id, invited (1: an invitation proves the
--                                   call), caller_db, callee_db; no row when the peer is unregistered, a
--                                   hub, or blocked
--           rows              uid, milliseconds: the others who have answered in the same room, and the time
--                             since
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL call_log_start('00000000000000a1', '00000000000000b1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE call_log_start(
    IN in_caller CHAR(16) COLLATE ascii_bin,
    IN in_peer   VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_room VARCHAR(64) COLLATE ascii_bin;
    DECLARE v_peer CHAR(16) COLLATE ascii_bin;
    DECLARE v_blocked TINYINT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

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

    SELECT callee_id AS uid, (UNIX_TIMESTAMP() - mtime) * 1000 AS milliseconds
    FROM call_invitation
    WHERE caller_id = in_caller AND status = 'accepted' AND room_id = COALESCE(v_room, in_room)
      AND callee_id <> v_peer
    ORDER BY callee_id;
END$$
DELIMITER ;
