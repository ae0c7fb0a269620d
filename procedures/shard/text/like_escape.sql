-- like_escape: escape the wildcards of LIKE, so that a text matches itself only.
--
-- Params:   in_text   text, or NULL
-- Returns:  a value   the escaped text, or NULL
-- Errors:   none
-- Example:  SELECT like_escape('100%');
DELIMITER $$
CREATE OR REPLACE FUNCTION like_escape(
    in_text VARCHAR(255)
)
    RETURNS VARCHAR(510)
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    RETURN REPLACE(REPLACE(REPLACE(in_text, '\\', '\\\\'), '%', '\\%'), '_', '\\_');
END$$
DELIMITER ;
