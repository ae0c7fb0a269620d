-- call_message_id: id of the one log entry that a call leaves in the conversation of two people.
--
-- The same for whoever logs it and however often: that is what makes a second log a repetition.
--
-- Params:   in_room            room of the call
--           in_one, in_other   the two people, in any order
-- Returns:  a value            16 hex characters
-- Errors:   none
-- Example:  SELECT call_message_id('00000000000000f2', '00000000000000a1', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE FUNCTION call_message_id(
    in_room  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    in_one   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    in_other CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
)
    RETURNS CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    RETURN LEFT(SHA2(CONCAT_WS(':', in_room, LEAST(in_one, in_other), GREATEST(in_one, in_other)), 256), 16);
END$$
DELIMITER ;
