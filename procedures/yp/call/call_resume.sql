-- call_resume: note that a user has entered a room: the accepted calls begin, or go on after an absence.
--
-- Params:   in_hub    hub of the room
--           in_room   room, locked by the caller (conference_number)
--           in_uid    user who has entered
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL call_resume('00000000000000f1', '00000000000000f2', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE call_resume(
    IN in_hub  CHAR(16) COLLATE ascii_bin,
    IN in_room VARCHAR(64) COLLATE ascii_bin,
    IN in_uid  CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_calls LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    FOR i IN (
        -- unlocked: every writer holds the row of the room, as the caller does
        SELECT c.callee_id
        FROM call_invitation AS c
        WHERE c.hub_id = in_hub AND c.room_id = in_room AND c.status = 'accepted'
          AND (c.answered_at IS NULL OR c.ended_at IS NOT NULL)
          AND in_uid IN (c.caller_id, c.callee_id)
          AND EXISTS (
            SELECT 1 FROM conference AS o
            WHERE o.hub_id = in_hub AND o.room_id = in_room AND o.uid = c.caller_id
          )
          AND EXISTS (
            SELECT 1 FROM conference AS o
            WHERE o.hub_id = in_hub AND o.room_id = in_room AND o.uid = c.callee_id
          )
    ) DO
        CALL webhook_calls_before(in_hub, in_room, v_calls);
        UPDATE call_invitation
        SET answered_at = COALESCE(answered_at, call_clock()), ended_at = NULL
        WHERE hub_id = in_hub AND room_id = in_room AND callee_id = i.callee_id;
        CALL webhook_calls_after(in_hub, in_room, v_calls);
    END FOR;
END$$
DELIMITER ;
