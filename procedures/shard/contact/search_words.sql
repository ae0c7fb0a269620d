-- search_words: the words of a text: runs of letters and digits.
--
-- Params:   in_text   what was typed, or the names of a contact
-- Returns:  a value   JSON array of words; contains empty strings where the text starts or ends with something else
-- Errors:   none
-- Example:  SELECT search_words('Ada Lovelace, Countess');
DELIMITER $$
CREATE OR REPLACE FUNCTION search_words(
    in_text TEXT
)
    RETURNS TEXT
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    RETURN text_words(in_text);
END$$
DELIMITER ;
