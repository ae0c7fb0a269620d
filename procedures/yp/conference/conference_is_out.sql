-- conference_is_out: test whether somebody is out of a room already, as a host wants them to be.
--
-- Params:   in_hub    hub of the room
--           in_room   room, locked by the caller (conference_command)
--           in_to     socket or uid of a participant
--           in_ban    1: they are to be banned as well
-- Returns:  a value   1 or 0
-- Errors:   none
-- Example:  SELECT conference_is_out('00000000000000f1', '00000000000000f2', 'example-bob', 0);
DELIMITER $$
CREATE OR REPLACE FUNCTION conference_is_out(
    in_hub  CHAR(16) COLLATE ascii_bin,
    in_room VARCHAR(64) COLLATE ascii_bin,
    in_to   VARCHAR(64) COLLATE ascii_bin,
    in_ban  TINYINT
)
    RETURNS TINYINT
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    RETURN NOT EXISTS (
        SELECT 1 FROM conference WHERE hub_id = in_hub AND room_id = in_room AND in_to IN (socket_id, uid)
    ) AND (in_ban = 0 OR EXISTS (
        SELECT 1
        FROM conference_ban AS b
        LEFT JOIN socket AS s ON s.id = in_to
        WHERE b.hub_id = in_hub AND b.room_id = in_room AND b.who IN (in_to, s.uid, s.session_id)
    ));
END$$
DELIMITER ;
