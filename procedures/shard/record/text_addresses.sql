-- text_addresses: what in a text looks like a mail address, or a part of one: runs of letters, digits and a few signs
-- around an @.
--
-- Params:   in_text   a text, or NULL
-- Returns:  a value   JSON array
-- Errors:   none
-- Example:  SELECT text_addresses('write to ada@example.org, or @ada');
DELIMITER $$
CREATE OR REPLACE FUNCTION text_addresses(
    in_text LONGTEXT
)
    RETURNS LONGTEXT
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    IF COALESCE(LOCATE('@', in_text), 0) = 0 THEN
        RETURN '[]';
    END IF;
    -- whatever is none leaves an empty text behind
    RETURN CONCAT('[', REGEXP_REPLACE(REPLACE(REGEXP_REPLACE(
        in_text, '([\\p{L}\\p{N}\\p{M}._%+-]*@[\\p{L}\\p{N}\\p{M}.-]*)|(?s:.)', '"\\1",'), '"",', ''), ',$', ''), ']');
END$$
DELIMITER ;
