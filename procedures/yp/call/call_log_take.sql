-- call_log_take: decide how a call is logged, from its own times, and mark it as logged.
--
-- A call that the callee has entered is a conversation (leave), however it ended. A call that was accepted
-- by a page that never entered is missed.
--
-- Params:   in_hub       hub of the room
--           in_room      room of the call
--           in_callee    uid of the callee; the caller has locked the pair
--           in_claimed   milliseconds that the client has measured: a conversation that goes on may be
--                        logged, and is not logged as longer than this; NULL: the client says nothing
-- Returns:  one row      data  JSON: uid, callee_id, message_id, invited (1), caller_db, callee_db, event,
--                        duration
--           nothing when the call goes on, or is logged
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL call_log_take('00000000000000f1', '00000000000000f2', '00000000000000a1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE call_log_take(
    IN in_hub     CHAR(16) COLLATE ascii_bin,
    IN in_room    VARCHAR(64) COLLATE ascii_bin,
    IN in_callee  CHAR(16) COLLATE ascii_bin,
    IN in_claimed BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now BIGINT UNSIGNED;
    DECLARE v_serial BIGINT UNSIGNED;
    DECLARE v_taken INT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL conference_number(in_hub, in_room, v_serial);
    SET v_now = call_clock();
    UPDATE call_invitation
    SET logged_at = v_now
    WHERE hub_id = in_hub AND room_id = in_room AND callee_id = in_callee AND logged_at IS NULL
      AND (status IN ('declined', 'cancelled', 'revoked', 'missed')
           OR ended_at IS NOT NULL
           OR (answered_at IS NOT NULL AND in_claimed IS NOT NULL));
    SET v_taken = ROW_COUNT();

    IF v_taken > 0 THEN
        SELECT JSON_OBJECT(
            'uid', i.caller_id, 'callee_id', i.callee_id, 'invited', 1,
            'message_id', call_message_id(i.room_id, i.caller_id, i.callee_id),
            'caller_db', caller.db_name, 'callee_db', callee.db_name,
            'event', CASE
                WHEN i.answered_at IS NOT NULL THEN 'leave'
                WHEN i.status = 'declined' THEN 'reject'
                WHEN i.status IN ('cancelled', 'revoked') THEN 'cancel'
                ELSE 'missed'
            END,
            'duration', COALESCE(LEAST(
                COALESCE(NULLIF(in_claimed, 0), v_now), COALESCE(i.ended_at, v_now) - i.answered_at
            ), 0) + 0
        ) AS data
        FROM call_invitation AS i
        JOIN entity AS caller ON caller.id = i.caller_id
        JOIN entity AS callee ON callee.id = i.callee_id
        WHERE i.hub_id = in_hub AND i.room_id = in_room AND i.callee_id = in_callee;
    END IF;
END$$
DELIMITER ;
