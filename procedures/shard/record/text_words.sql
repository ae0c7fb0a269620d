-- text_words: the words of a text of any length: runs of letters and digits.
--
-- Params:   in_text   a text, or NULL
-- Returns:  a value   JSON array of words; contains empty strings where the text starts or ends with something else
-- Errors:   none
-- Example:  SELECT text_words('Ada Lovelace, Countess');
DELIMITER $$
CREATE OR REPLACE FUNCTION text_words(
    in_text LONGTEXT
)
    RETURNS LONGTEXT
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    RETURN CONCAT('["', REGEXP_REPLACE(COALESCE(in_text, ''), '[^\\p{L}\\p{N}\\p{M}]+', '","'), '"]');
END$$
DELIMITER ;
