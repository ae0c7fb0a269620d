-- name_key: write the words of a name in order, so that names are equal when their words are: as contact_keys
-- does it for the kind name of contact_index.
--
-- Params:   in_name   a name, or NULL
-- Returns:  a value   the words, or NULL without any
-- Errors:   none
-- Example:  SELECT name_key('Lovelace, Ada');
DELIMITER $$
CREATE OR REPLACE FUNCTION name_key(
    in_name TEXT
)
    RETURNS VARCHAR(255)
    DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_words LONGTEXT DEFAULT text_words(in_name, 'plain');
    DECLARE v_key VARCHAR(255);

    SELECT LEFT(GROUP_CONCAT(j.word ORDER BY j.word SEPARATOR ' '), 255) INTO v_key
    FROM JSON_TABLE(v_words, '$[*]' COLUMNS (
        word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
    )) AS j
    WHERE j.word <> '';
    RETURN v_key;
END$$
DELIMITER ;
