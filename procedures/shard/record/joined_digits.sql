-- joined_digits: a text in which the signs that people write between digits are gone: 612-34.56 is 6123456.
--
-- Params:   in_text   a text, or NULL
-- Returns:  a value   the text, or NULL
-- Errors:   none
-- Example:  SELECT joined_digits('612-34.56');
DELIMITER $$
CREATE OR REPLACE FUNCTION joined_digits(
    in_text LONGTEXT
)
    RETURNS LONGTEXT
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    RETURN REGEXP_REPLACE(in_text, '(?<=[0-9])[-.\\/()]+(?=[0-9])', '');
END$$
DELIMITER ;
