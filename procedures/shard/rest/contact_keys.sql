-- contact_keys: list the words by which a contact is sorted and searched (contact_index), grouped by kind;
-- for a changed contact, only the kinds that may differ.
--
-- text, for the search of all APIs: words of names, company and notes; two words of a name as one (annalena);
-- names in scripts without blanks, from each of their characters on; email addresses, and anything like one
-- in a text, as words, as a whole, and from the @ on; every run of digits of a phone number up to its end, so
-- that any part of the number is found. company_part: the company from each of its characters on. Contacts
-- without company sort last in both directions.
--
-- Params:   in_record   JSON (contact_sheet), with the times of the record
--           in_names    names, company and international numbers, as in contact_sheet
--           in_known    record whose words are stored, or NULL for all kinds
-- Returns:  a value     JSON array of objects: kind; words, an array that may contain empty texts and nulls
-- Errors:   none
-- Example:  SELECT contact_keys('{"display_name": "Ada", "emails": [{"address": "ada@example.org"}]}',
--           'Ada', NULL);
DELIMITER $$
CREATE OR REPLACE FUNCTION contact_keys(
    in_record LONGTEXT,
    in_names  TEXT,
    in_known  LONGTEXT
)
    RETURNS LONGTEXT
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_display VARCHAR(255) DEFAULT JSON_VALUE(in_record, '$.display_name');
    DECLARE v_company TEXT DEFAULT JSON_VALUE(in_record, '$.company');
    DECLARE v_notes LONGTEXT DEFAULT JSON_VALUE(in_record, '$.notes');
    DECLARE v_mails LONGTEXT DEFAULT COALESCE(JSON_EXTRACT(in_record, '$.emails[*].address'), '[]');
    DECLARE v_phones LONGTEXT DEFAULT COALESCE(JSON_EXTRACT(in_record, '$.phones[*].number'), '');
    DECLARE v_quoted, v_text, v_words, v_parts, v_numbers, v_keys, v_rest, v_phone_keys LONGTEXT;
    DECLARE v_number, v_international, v_form TEXT;
    DECLARE v_name VARCHAR(255);
    DECLARE v_digit INT DEFAULT 0;
    DECLARE v_is_all TINYINT DEFAULT NOT COALESCE(
        v_display COLLATE utf8mb4_bin = JSON_VALUE(in_known, '$.display_name'), 0
    );

    SET v_keys = CONCAT_WS(',',
        JSON_OBJECT('kind', 'updated_at', 'words', JSON_ARRAY(JSON_VALUE(in_record, '$.updated_at'))),
        JSON_OBJECT('kind', 'source', 'words', JSON_ARRAY(JSON_VALUE(in_record, '$.source'))),
        JSON_OBJECT('kind', 'tag', 'words', JSON_EXTRACT(in_record, '$.tags')));
    IF v_is_all THEN
        SELECT LEFT(GROUP_CONCAT(j.word ORDER BY j.word SEPARATOR ' '), 255) INTO v_name
        FROM JSON_TABLE(text_words(v_display, 'plain'), '$[*]' COLUMNS (
            word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
        )) AS j
        WHERE j.word <> '';
        SET v_keys = CONCAT_WS(',', v_keys,
            JSON_OBJECT('kind', 'display_name', 'words', JSON_ARRAY(v_display)),
            JSON_OBJECT('kind', 'name', 'words', JSON_ARRAY(v_name)),
            JSON_OBJECT('kind', 'created_at', 'words', JSON_ARRAY(JSON_VALUE(in_record, '$.created_at'))));
    END IF;

    IF v_is_all OR NOT (v_company COLLATE utf8mb4_bin <=> JSON_VALUE(in_known, '$.company')) THEN
        SET v_quoted = JSON_QUOTE(v_company),
            v_keys = CONCAT_WS(',', v_keys,
                -- the last character of Unicode
                JSON_OBJECT('kind', 'company',
                            'words', JSON_ARRAY(COALESCE(v_company, _utf8mb4 x'F48FBFBF'))),
                JSON_OBJECT('kind', 'company_desc', 'words', JSON_ARRAY(COALESCE(v_company, ''))),
                JSON_OBJECT('kind', 'company_part', 'words', JSON_COMPACT(CONCAT('[', REGEXP_REPLACE(
                    COALESCE(SUBSTR(v_quoted, 2, CHAR_LENGTH(v_quoted) - 2), ''),
                    '(?=(.+))(?:\\\\.|.)',
                    '"\\1",'
                ), '""]'))));
    END IF;

    -- the digits of each number, between semicolons
    SET v_numbers = REPLACE(v_phones, '\\"', '');
    WHILE v_digit < 10 AND v_phones RLIKE '[٠-٩۰-۹０-９]' DO
        SET v_numbers = REPLACE(REPLACE(REPLACE(
                v_numbers, SUBSTR('٠١٢٣٤٥٦٧٨٩', v_digit + 1, 1), v_digit
            ), SUBSTR('۰۱۲۳۴۵۶۷۸۹', v_digit + 1, 1), v_digit
            ), SUBSTR('０１２３４５６７８９', v_digit + 1, 1), v_digit),
            v_digit = v_digit + 1;
    END WHILE;
    SET v_numbers = REPLACE(REPLACE(REGEXP_REPLACE(v_numbers, '[^0-9"]+', ''), '""', ';'), '"', '');
    IF v_is_all
       OR NOT (v_phones COLLATE utf8mb4_bin
               <=> COALESCE(JSON_EXTRACT(in_known, '$.phones[*].number'), '')) THEN
        -- the international form; without one, the last nine digits of numbers with at least six
        SET v_international = IF(LOCATE(_utf8mb4 x'1F', in_names) = 0, '',
                                 SUBSTRING_INDEX(in_names, _utf8mb4 x'1F', -1)),
            v_rest = CONCAT(v_numbers, ';');
        WHILE v_rest <> '' DO
            SET v_number = SUBSTRING_INDEX(v_rest, ';', 1),
                v_rest = SUBSTR(v_rest, CHAR_LENGTH(v_number) + 2),
                v_form = SUBSTRING_INDEX(v_international, ' ', 1),
                v_international = SUBSTR(v_international, CHAR_LENGTH(v_form) + 2),
                v_phone_keys = CONCAT_WS('","', v_phone_keys, IF(
                    v_form NOT IN ('', '-'), v_form, IF(CHAR_LENGTH(v_number) < 6, '', RIGHT(v_number, 9))
                ));
        END WHILE;
        SET v_keys = CONCAT_WS(',', v_keys, JSON_OBJECT(
            'kind', 'phone', 'words', JSON_COMPACT(CONCAT('["', v_phone_keys, '"]'))
        ));
    END IF;

    IF v_is_all
       OR NOT (v_company COLLATE utf8mb4_bin <=> JSON_VALUE(in_known, '$.company'))
       OR NOT (v_notes COLLATE utf8mb4_bin <=> JSON_VALUE(in_known, '$.notes'))
       OR NOT (v_mails COLLATE utf8mb4_bin <=> COALESCE(JSON_EXTRACT(in_known, '$.emails[*].address'), '[]'))
       OR NOT (v_phones COLLATE utf8mb4_bin <=> COALESCE(JSON_EXTRACT(in_known, '$.phones[*].number'), ''))
       OR NOT (JSON_EXTRACT(in_record, '$.first_name') COLLATE utf8mb4_bin
               <=> JSON_EXTRACT(in_known, '$.first_name'))
       OR NOT (JSON_EXTRACT(in_record, '$.last_name') COLLATE utf8mb4_bin
               <=> JSON_EXTRACT(in_known, '$.last_name')) THEN
        SET v_text = CONCAT_WS(' ', in_names, v_mails, v_notes, REGEXP_REPLACE(
            v_display, '([\\p{L}\\p{M}]+)[^\\p{L}\\p{N}]+(?=([\\p{L}\\p{M}]+))', '\\1\\2 '
        ));
        IF in_names RLIKE '[\\p{Han}\\p{Hiragana}\\p{Katakana}\\p{Hangul}\\p{Thai}]' THEN
            SET v_text = CONCAT_WS(' ', v_text, REGEXP_REPLACE(
                in_names,
                '(?=([\\p{Han}\\p{Hiragana}\\p{Katakana}ー\\p{Hangul}\\p{Thai}]+)).|.', '\\1 '
            ));
        END IF;
        SET v_words = text_words(v_text, 'both'), v_parts = text_words(v_text, 'parts');
        IF CHAR_LENGTH(v_words) + CHAR_LENGTH(v_parts) > 8192 THEN
            -- a long text repeats its words; to leave them out here costs a fifth of sorting them later
            SELECT JSON_ARRAYAGG(DISTINCT j.word) INTO v_words
            FROM JSON_TABLE(CONCAT('[', v_words, ',', v_parts, ']'), '$[*][*]' COLUMNS (
                word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
            )) AS j;
            SET v_parts = '[]';
        END IF;
        SET v_keys = CONCAT_WS(',', v_keys,
            JSON_OBJECT('kind', 'text', 'words', JSON_COMPACT(v_words)),
            JSON_OBJECT('kind', 'text', 'words', JSON_COMPACT(v_parts)),
            JSON_OBJECT('kind', 'text', 'words', JSON_COMPACT(v_mails)),
            JSON_OBJECT('kind', 'text', 'words', JSON_COMPACT(CONCAT('["', REPLACE(REGEXP_REPLACE(
                v_numbers, '(?=([0-9]+))[0-9]', '\\1;'), ';', '","'), '"]'))));
    END IF;
    RETURN CONCAT('[', v_keys, ']');
END$$
DELIMITER ;
