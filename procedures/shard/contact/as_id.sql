-- as_id: what somebody typed, as far as it can be an id: our ids are ASCII, and a conversion that fails is an error.
--
-- Params:   in_key    what was typed
-- Returns:  a value   the same, or NULL
-- Errors:   none
-- Example:  SELECT as_id('0000000000000c01');
DELIMITER $$
CREATE OR REPLACE FUNCTION as_id(
    in_key VARCHAR(255)
)
    RETURNS VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    RETURN IF(in_key REGEXP '^[!-~]{1,64}$', CONVERT(in_key USING ascii), NULL);
END$$
DELIMITER ;
