-- last_word: what sorts behind everything that starts with a text.
--
-- Params:   in_start   how it starts
-- Returns:  a value    the start, and the last character there is
-- Errors:   none
-- Example:  SELECT last_word('ada');
DELIMITER $$
CREATE OR REPLACE FUNCTION last_word(
    in_start VARCHAR(254)
)
    RETURNS VARCHAR(255)
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    RETURN CONCAT(in_start, _utf8mb4 x'F48FBFBF');
END$$
DELIMITER ;
