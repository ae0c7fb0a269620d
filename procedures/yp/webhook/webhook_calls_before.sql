-- webhook_calls_before: remember the calls of a room before a change, for webhook_calls_after.
--
-- Params:   in_hub      hub of the room
--           in_room     room, locked by the caller (conference_number)
--           out_calls   JSON array of callee, status, answered and ended; NULL: nobody in these calls has a
--                       subscription, or there is no call
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL webhook_calls_before('00000000000000f1', '00000000000000f2', @calls);
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_calls_before(
    IN in_hub     CHAR(16) COLLATE ascii_bin,
    IN in_room    VARCHAR(64) COLLATE ascii_bin,
    OUT out_calls LONGTEXT
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_ARRAYAGG(JSON_OBJECT(
        'callee', i.callee_id, 'status', i.status, 'answered', i.answered_at, 'ended', i.ended_at
    )) INTO out_calls
    FROM call_invitation AS i
    WHERE i.hub_id = in_hub AND i.room_id = in_room
      AND EXISTS (SELECT 1 FROM webhook AS w WHERE w.uid IN (i.caller_id, i.callee_id, ''));
END$$
DELIMITER ;
