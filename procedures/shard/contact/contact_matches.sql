-- contact_matches: test whether every word of a search starts a word or an address of a contact.
--
-- Params:   in_owner   owner of the address book
--           in_id      contact
--           in_words   JSON array of words (text_words)
-- Returns:  a value    1 or 0
-- Errors:   none
-- Example:  SELECT contact_matches('00000000000000a1', '0000000000000c01', '["ada"]');
DELIMITER $$
CREATE OR REPLACE FUNCTION contact_matches(
    in_owner CHAR(16) COLLATE ascii_bin,
    in_id    CHAR(16) COLLATE ascii_bin,
    in_words TEXT
)
    RETURNS TINYINT
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    RETURN NOT EXISTS (
        SELECT 1
        FROM JSON_TABLE(in_words, '$[*]' COLUMNS (
            word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
        )) AS w
        WHERE w.word <> ''
          AND NOT EXISTS (
            SELECT 1
            FROM contact_index AS t FORCE INDEX (by_contact)
            WHERE t.owner_id = in_owner
              AND t.contact_id = in_id
              AND t.kind = 'term'
              AND t.word LIKE CONCAT(like_escape(LEFT(w.word, 64)), '%')
          )
    );
END$$
DELIMITER ;
