-- parse_id: convert a text that a user typed to an id, or to NULL when it cannot be one. Ids are ASCII, and
-- the conversion of other characters would raise an error.
--
-- Params:   in_key    any text
-- Returns:  a value   the text, or NULL
-- Errors:   none
-- Example:  SELECT parse_id('0000000000000c01');
DELIMITER $$
CREATE OR REPLACE FUNCTION parse_id(
    in_key VARCHAR(255)
)
    RETURNS VARCHAR(64) COLLATE ascii_bin
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    RETURN IF(in_key REGEXP '^[!-~]{1,64}$', CONVERT(in_key USING ascii), NULL);
END$$
DELIMITER ;
