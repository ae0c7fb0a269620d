-- my_contact_terms: write down the words that searches find a contact by: words of its names, and its addresses.
--
-- Params:   in_owner   whose address book
--           in_id      contact
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL my_contact_terms('00000000000000a1', '0000000000000000');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_terms(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_words TEXT;

    SELECT text_words(CONCAT_WS(' ', firstname, lastname, surname, display_name, company)) INTO v_words
    FROM contact
    WHERE owner_id = in_owner AND id = in_id;

    DELETE FROM contact_term WHERE owner_id = in_owner AND contact_id = in_id;

    -- UNION in the collation of the key makes one of ANNA, anna and Ánna. Not INSERT IGNORE: its warning 1062
    -- would set off the handlers of our callers
    INSERT INTO contact_term (owner_id, term, contact_id)
    SELECT in_owner, LEFT(j.word, 64) COLLATE utf8mb4_unicode_520_ci, in_id
    FROM JSON_TABLE(v_words, '$[*]' COLUMNS (word VARCHAR(255) PATH '$')) AS j
    WHERE j.word <> ''
    UNION
    SELECT in_owner, LEFT(e.email, 64) COLLATE utf8mb4_unicode_520_ci, in_id
    FROM contact_email AS e
    WHERE e.owner_id = in_owner AND e.contact_id = in_id;
END$$
DELIMITER ;
