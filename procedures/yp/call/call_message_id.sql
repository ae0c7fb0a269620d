-- call_message_id: compute the id of the log entry of a call in the conversation of two users.
--
-- The id is the same for both users and for each repetition, so a second attempt to log the call is
-- recognised.
--
-- Params:   in_room            room of the call
--           in_user, in_peer   both users, in any order
-- Returns:  a value            16 hex characters
-- Errors:   none
-- Example:  SELECT call_message_id('00000000000000f2', '00000000000000a1', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE FUNCTION call_message_id(
    in_room VARCHAR(64) COLLATE ascii_bin,
    in_user CHAR(16) COLLATE ascii_bin,
    in_peer CHAR(16) COLLATE ascii_bin
)
    RETURNS CHAR(16) COLLATE ascii_bin
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    RETURN LEFT(SHA2(CONCAT_WS(':', in_room, LEAST(in_user, in_peer), GREATEST(in_user, in_peer)), 256), 16);
END$$
DELIMITER ;
