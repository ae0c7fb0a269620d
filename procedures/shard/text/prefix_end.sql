-- prefix_end: compute the upper bound of an index range that holds every word with a prefix.
--
-- Params:   in_start   the prefix
-- Returns:  a value    the prefix, followed by the last character of Unicode
-- Errors:   none
-- Example:  SELECT prefix_end('ada');
DELIMITER $$
CREATE OR REPLACE FUNCTION prefix_end(
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
