-- call_is_blocked: whether one of two people blocked the other.
--
-- Params:   in_one, in_other   the two people
-- Returns:  a value            1 or 0
-- Errors:   none
-- Example:  SELECT call_is_blocked('00000000000000a1', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE FUNCTION call_is_blocked(
    in_one   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    in_other VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    RETURNS TINYINT
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    RETURN IF(EXISTS (
        SELECT 1 FROM contact_block WHERE uid = in_one AND owner_id = in_other
    ) OR EXISTS (
        SELECT 1 FROM contact_block WHERE uid = in_other AND owner_id = in_one
    ), 1, 0);
END$$
DELIMITER ;
