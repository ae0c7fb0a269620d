-- my_contact_index_set: write down what a record is sorted by and found by.
--
-- Words: those of names, company and notes; mail addresses as a whole and in words; of each phone number every run of
-- digits to its end, so that any three digits of it find it. Company last when there is none.
--
-- Params:   in_owner     whose address book
--           in_id        contact
--           in_deleted   1: it lies in the trash
--           in_record    JSON (my_contact_render), or NULL: nothing finds it any more
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL my_contact_index_set('00000000000000a1', '0000000000000000', 0, NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_index_set(
    IN in_owner   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id      CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_deleted TINYINT,
    IN in_record  LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_words LONGTEXT;
    DECLARE v_text LONGTEXT DEFAULT CONCAT_WS(' ',
        JSON_VALUE(in_record, '$.display_name'), JSON_VALUE(in_record, '$.first_name'),
        JSON_VALUE(in_record, '$.last_name'), JSON_VALUE(in_record, '$.company'), JSON_VALUE(in_record, '$.notes'));
    DECLARE v_mails, v_ends, v_digits, v_phones LONGTEXT DEFAULT '';
    DECLARE v_name VARCHAR(255);

    DELETE FROM contact_index WHERE owner_id = in_owner AND contact_id = in_id;
    IF in_record IS NOT NULL THEN
        FOR e IN (
            SELECT j.address FROM JSON_TABLE(in_record, '$.emails[*]' COLUMNS (address VARCHAR(255) PATH '$.address')) AS j
        ) DO
            SET v_mails = CONCAT(v_mails, ',', JSON_QUOTE(LEFT(e.address, 64)));
            SET v_text = CONCAT(v_text, ' ', e.address);
        END FOR;
        FOR p IN (
            SELECT j.number FROM JSON_TABLE(in_record, '$.phones[*]' COLUMNS (number VARCHAR(96) PATH '$.number')) AS j
        ) DO
            SET v_digits = LEFT(REGEXP_REPLACE(p.number, '[^0-9]', ''), 64);
            IF CHAR_LENGTH(v_digits) > 5 THEN
                SET v_phones = CONCAT(v_phones, ',', JSON_QUOTE(RIGHT(v_digits, 9)));
            END IF;
            WHILE v_digits <> '' DO
                SET v_ends = CONCAT(v_ends, ',', JSON_QUOTE(v_digits));
                SET v_digits = IF(CHAR_LENGTH(v_digits) > 3, SUBSTR(v_digits, 2), '');
            END WHILE;
        END FOR;
        SET v_words = search_words(CONCAT(v_text, IF(v_text RLIKE '[0-9][-./()]+[0-9]', CONCAT(' ', joined_digits(v_text)), '')));
        SET v_words = CONCAT(LEFT(v_words, CHAR_LENGTH(v_words) - 1), v_mails, v_ends, ']');
        SELECT LEFT(GROUP_CONCAT(j.word ORDER BY j.word SEPARATOR ' '), 255) INTO v_name
        FROM JSON_TABLE(search_words(JSON_VALUE(in_record, '$.display_name')), '$[*]' COLUMNS (word VARCHAR(255) PATH '$')) AS j
        WHERE j.word <> '';

        -- UNION in the collation of the key makes one of ANNA, anna and Ánna
        INSERT INTO contact_index (owner_id, is_deleted, kind, word, contact_id)
        SELECT in_owner, in_deleted, w.kind, w.word, in_id
        FROM (
            SELECT 'text' AS kind, LEFT(j.word, 64) COLLATE utf8mb4_unicode_520_ci AS word
            FROM JSON_TABLE(v_words, '$[*]' COLUMNS (word VARCHAR(255) PATH '$')) AS j
            WHERE j.word <> ''
            UNION
            SELECT 'tag', j.name COLLATE utf8mb4_unicode_520_ci
            FROM JSON_TABLE(in_record, '$.tags[*]' COLUMNS (name VARCHAR(255) PATH '$')) AS j
            UNION
            SELECT 'phone', j.digits COLLATE utf8mb4_unicode_520_ci
            FROM JSON_TABLE(CONCAT('[', SUBSTR(v_phones, 2), ']'), '$[*]' COLUMNS (digits VARCHAR(255) PATH '$')) AS j
            UNION ALL
            SELECT 'name', v_name FROM DUAL WHERE v_name IS NOT NULL
            UNION ALL
            SELECT 'source', JSON_VALUE(in_record, '$.source')
            UNION ALL
            SELECT 'display_name', JSON_VALUE(in_record, '$.display_name')
            UNION ALL
            SELECT 'company', COALESCE(JSON_VALUE(in_record, '$.company'), last_word(''))
            UNION ALL
            SELECT 'created_at', JSON_VALUE(in_record, '$.created_at')
            UNION ALL
            SELECT 'updated_at', JSON_VALUE(in_record, '$.updated_at')
        ) AS w;
    END IF;
END$$
DELIMITER ;
