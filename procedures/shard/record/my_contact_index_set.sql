-- my_contact_index_set: write down what a record is sorted by and found by.
--
-- Words: those of names, company and notes; mail addresses as a whole and in words; of each phone number every run of
-- digits to its end, so that any three digits of it find it. Company last when there is none. Tags and the source, which
-- are compared character by character, as MD5: the words of the index ignore case and accents.
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
    DECLARE v_words, v_rows LONGTEXT;
    DECLARE v_text LONGTEXT DEFAULT CONCAT_WS(' ',
        JSON_VALUE(in_record, '$.display_name'), JSON_VALUE(in_record, '$.first_name'),
        JSON_VALUE(in_record, '$.last_name'), JSON_VALUE(in_record, '$.company'), JSON_VALUE(in_record, '$.notes'));
    DECLARE v_more, v_digits LONGTEXT DEFAULT '';
    DECLARE v_name, v_item VARCHAR(255);
    DECLARE v_start VARCHAR(64) DEFAULT LEFT(JSON_VALUE(in_record, '$.display_name'), 64);
    DECLARE v_place INT UNSIGNED DEFAULT 0;

    DELETE FROM contact_index WHERE owner_id = in_owner AND contact_id = in_id;
    IF in_record IS NOT NULL THEN
        SELECT LEFT(GROUP_CONCAT(j.word ORDER BY j.word SEPARATOR ' '), 255) INTO v_name
        FROM JSON_TABLE(search_words(JSON_VALUE(in_record, '$.display_name')), '$[*]' COLUMNS (word VARCHAR(255) PATH '$')) AS j
        WHERE j.word <> '';
        SET v_rows = JSON_ARRAY(
            JSON_ARRAY('display_name', JSON_VALUE(in_record, '$.display_name')),
            JSON_ARRAY('company', COALESCE(JSON_VALUE(in_record, '$.company'), last_word(''))),
            JSON_ARRAY('created_at', JSON_VALUE(in_record, '$.created_at')),
            JSON_ARRAY('updated_at', JSON_VALUE(in_record, '$.updated_at')),
            JSON_ARRAY('source', MD5(JSON_VALUE(in_record, '$.source'))),
            JSON_ARRAY('name', v_name)
        );
        WHILE v_place < JSON_LENGTH(in_record, '$.emails') DO
            SET v_item = JSON_VALUE(in_record, CONCAT('$.emails[', v_place, '].address'));
            SET v_more = CONCAT(v_more, ',', JSON_QUOTE(v_item)), v_text = CONCAT(v_text, ' ', v_item), v_place = v_place + 1;
        END WHILE;
        SET v_place = 0;
        WHILE v_place < JSON_LENGTH(in_record, '$.phones') DO
            SET v_digits = REGEXP_REPLACE(JSON_VALUE(in_record, CONCAT('$.phones[', v_place, '].number')), '[^0-9]', '');
            IF CHAR_LENGTH(v_digits) > 5 THEN
                SET v_rows = JSON_ARRAY_APPEND(v_rows, '$', JSON_ARRAY('phone', RIGHT(v_digits, 9)));
            END IF;
            WHILE v_digits <> '' DO
                SET v_more = CONCAT(v_more, ',"', v_digits, '"');
                SET v_digits = IF(CHAR_LENGTH(v_digits) > 3, SUBSTR(v_digits, 2), '');
            END WHILE;
            SET v_place = v_place + 1;
        END WHILE;
        SET v_place = 0;
        WHILE v_place < JSON_LENGTH(in_record, '$.tags') DO
            SET v_item = JSON_VALUE(in_record, CONCAT('$.tags[', v_place, ']'));
            SET v_rows = JSON_ARRAY_APPEND(v_rows, '$', JSON_ARRAY('tag', MD5(v_item))), v_place = v_place + 1;
        END WHILE;
        -- search_words takes 65,535 bytes: the end of notes that are longer than any page is not searched
        SET v_words = search_words(LEFT(CONCAT(v_text, IF(v_text RLIKE '[0-9][-./()]+[0-9]', CONCAT(' ', joined_digits(v_text)), '')), 12000));
        SET v_words = CONCAT(LEFT(v_words, CHAR_LENGTH(v_words) - 1), v_more, ']');

        -- UNION in the collation of the key makes one of ANNA, anna and Ánna
        INSERT INTO contact_index (owner_id, is_deleted, kind, word, contact_id, name)
        SELECT in_owner, in_deleted, j.kind, j.word COLLATE utf8mb4_unicode_520_ci, in_id, v_start
        FROM JSON_TABLE(v_rows, '$[*]' COLUMNS (kind VARCHAR(16) PATH '$[0]', word VARCHAR(255) PATH '$[1]')) AS j
        WHERE j.word IS NOT NULL
        UNION
        SELECT in_owner, in_deleted, 'text', LEFT(j.word, 64) COLLATE utf8mb4_unicode_520_ci, in_id, v_start
        FROM JSON_TABLE(v_words, '$[*]' COLUMNS (word VARCHAR(255) PATH '$')) AS j
        WHERE j.word <> '';
    END IF;
END$$
DELIMITER ;
