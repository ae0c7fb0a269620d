-- call_log_start: begin to log a call for the page of its caller, within the truth.
--
-- The service logs every call when it ends (call_log_due). The caller may do so earlier: a conversation that
-- goes on, and not for longer than it takes. A call that rings is not over. Without an invitation there was
-- no conversation.
--
-- The pair is locked until the commit, so that one process at a time writes the entries of both sides. Only
-- the caller logs the call.
--
-- Params:   in_caller     user who logs
--           in_peer       other user
--           in_room       room of the call, or NULL: the newest of the two
--           in_event      cancel, reject, decline or leave
--           in_duration   milliseconds, as the client has measured them
-- Returns:  at most one row   data  JSON: uid, callee_id, message_id, invited (1: an invitation proves the
--                                   call), caller_db, callee_db, event, duration; no row when the call goes
--                                   on or is logged, or when the peer is unregistered, a hub, or blocked
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL call_log_start('00000000000000a1', '00000000000000b1', NULL, 'cancel', 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE call_log_start(
    IN in_caller   CHAR(16) COLLATE ascii_bin,
    IN in_peer     VARCHAR(64) COLLATE ascii_bin,
    IN in_room     VARCHAR(64) COLLATE ascii_bin,
    IN in_event    VARCHAR(16) COLLATE ascii_bin,
    IN in_duration BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_hub, v_peer CHAR(16) COLLATE ascii_bin;
    DECLARE v_room VARCHAR(64) COLLATE ascii_bin;
    DECLARE v_blocked TINYINT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT MAX(id) INTO v_peer FROM drumate WHERE id = in_peer AND id <> in_caller;
    IF v_peer IS NOT NULL THEN
        CALL contact_pair_lock(in_caller, v_peer, NULL);
        SELECT is_blocked(in_caller, v_peer) OR is_blocked(v_peer, in_caller) INTO v_blocked;
    END IF;
    SELECT hub_id, room_id INTO v_hub, v_room
    FROM call_invitation
    WHERE callee_id = v_peer AND caller_id = in_caller AND room_id = COALESCE(in_room, room_id)
    ORDER BY ctime DESC
    LIMIT 1;

    IF v_blocked = 0 AND v_room IS NOT NULL THEN
        CALL call_log_take(v_hub, v_room, v_peer, IF(in_event = 'leave', in_duration, NULL));
    ELSEIF v_blocked = 0 AND in_event <> 'leave' THEN
        SELECT JSON_OBJECT(
            'uid', me.id, 'callee_id', peer.id, 'invited', 0,
            'message_id', call_message_id(COALESCE(in_room, HEX(RANDOM_BYTES(8))), me.id, peer.id),
            'caller_db', me.db_name, 'callee_db', peer.db_name, 'event', in_event, 'duration', 0
        ) AS data
        FROM entity AS me
        JOIN entity AS peer ON peer.id = v_peer AND peer.status = 'active'
        WHERE me.id = in_caller
          AND NOT EXISTS (
            SELECT 1 FROM call_invitation AS i
            WHERE i.callee_id = in_caller AND i.caller_id = v_peer AND i.room_id = in_room
          );
    END IF;
END$$
DELIMITER ;
