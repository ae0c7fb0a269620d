-- call_is_lonely: test whether a user is alone in a call, all their devices together, and lets it ring.
--
-- When they end it on one device, the window of the other one must close, too.
--
-- Params:   in_hub      hub of the room
--           in_room     room of the call, locked by the caller (conference_number)
--           in_caller   user who has called
-- Returns:  a value     1 or 0
-- Errors:   none
-- Example:  SELECT call_is_lonely('00000000000000f1', '00000000000000f2', '00000000000000a1');
DELIMITER $$
CREATE OR REPLACE FUNCTION call_is_lonely(
    in_hub    CHAR(16) COLLATE ascii_bin,
    in_room   VARCHAR(64) COLLATE ascii_bin,
    in_caller CHAR(16) COLLATE ascii_bin
)
    RETURNS TINYINT
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    RETURN EXISTS (
        SELECT 1 FROM conference_room WHERE hub_id = in_hub AND id = in_room AND type = 'connect'
    ) AND EXISTS (
        SELECT 1 FROM call_invitation
        WHERE hub_id = in_hub AND room_id = in_room AND caller_id = in_caller AND status = 'ringing'
    ) AND NOT EXISTS (
        SELECT 1 FROM conference WHERE hub_id = in_hub AND room_id = in_room AND uid <> in_caller
    );
END$$
DELIMITER ;
