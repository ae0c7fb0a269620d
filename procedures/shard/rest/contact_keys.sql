-- contact_keys: list the words by which a contact is sorted and searched (contact_index), grouped by kind;
-- for a changed contact, only the kinds that may differ.
--
-- text, for the search of all APIs: words of names, company and notes; two words of a name as one (annalena);
-- names in scripts without blanks, from each of their characters on; email addresses, and anything like one
-- in a text, as words, as a whole, and from the @ on; every run of digits of a phone number up to its end, so
-- that any part of the number is found. company_part: the company from each of its characters on. Contacts
-- without company sort last in both directions.
--
-- A statement of a routine costs more than most expressions, and a load runs this for each contact: plain
-- names and addresses need few statements and no other routine.
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
    DECLARE v_mails LONGTEXT DEFAULT COALESCE(JSON_EXTRACT(in_record, '$.emails[*].address'), '[]');
    DECLARE v_phones LONGTEXT DEFAULT COALESCE(JSON_EXTRACT(in_record, '$.phones[*].number'), '');
    DECLARE v_is_all TINYINT DEFAULT in_known IS NULL OR NOT COALESCE(
        v_display COLLATE utf8mb4_bin = JSON_VALUE(in_known, '$.display_name'), 0
    );
    DECLARE v_digit INT DEFAULT 0;
    DECLARE v_numbers, v_rest, v_phone_keys, v_text, v_endings, v_words, v_parts LONGTEXT;
    DECLARE v_international TEXT;

    IF LENGTH(v_phones) > CHAR_LENGTH(v_phones) THEN
        WHILE v_digit < 10 AND v_phones RLIKE '[٠-٩۰-۹０-９]' DO
            SET v_phones = REPLACE(REPLACE(REPLACE(
                    v_phones, SUBSTR('٠١٢٣٤٥٦٧٨٩', v_digit + 1, 1), v_digit
                ), SUBSTR('۰۱۲۳۴۵۶۷۸۹', v_digit + 1, 1), v_digit
                ), SUBSTR('０１２３４５６７８９', v_digit + 1, 1), v_digit),
                v_digit = v_digit + 1;
        END WHILE;
    END IF;
    -- the digits of each number, between semicolons
    SET v_numbers = REPLACE(REPLACE(
        REGEXP_REPLACE(REPLACE(v_phones, '\\"', ''), '[^0-9"]+', ''), '""', ';'
    ), '"', '');

    IF v_is_all
       OR NOT (JSON_EXTRACT(in_record, '$.phones[*].number') COLLATE utf8mb4_bin
               <=> JSON_EXTRACT(in_known, '$.phones[*].number')) THEN
        SET v_rest = CONCAT(v_numbers, ';'),
            v_international = IF(LOCATE(_utf8mb4 x'1F', in_names) = 0, '',
                                 SUBSTRING_INDEX(in_names, _utf8mb4 x'1F', -1));
        -- the international form; without one, the last nine digits of numbers with at least six
        WHILE v_rest <> '' DO
            SET v_phone_keys = CONCAT_WS('","', v_phone_keys, CASE
                    WHEN SUBSTRING_INDEX(v_international, ' ', 1) NOT IN ('', '-')
                        THEN SUBSTRING_INDEX(v_international, ' ', 1)
                    WHEN LOCATE(';', v_rest) > 6 THEN RIGHT(SUBSTRING_INDEX(v_rest, ';', 1), 9)
                    ELSE '' END),
                v_rest = SUBSTR(v_rest, LOCATE(';', v_rest) + 1),
                v_international = SUBSTR(v_international, LOCATE(' ', CONCAT(v_international, ' ')) + 1);
        END WHILE;
    END IF;

    IF v_is_all
       OR NOT (v_company COLLATE utf8mb4_bin <=> JSON_VALUE(in_known, '$.company'))
       OR NOT (JSON_VALUE(in_record, '$.notes') COLLATE utf8mb4_bin <=> JSON_VALUE(in_known, '$.notes'))
       OR NOT (v_mails COLLATE utf8mb4_bin <=> COALESCE(JSON_EXTRACT(in_known, '$.emails[*].address'), '[]'))
       OR NOT (JSON_EXTRACT(in_record, '$.phones[*].number') COLLATE utf8mb4_bin
               <=> JSON_EXTRACT(in_known, '$.phones[*].number'))
       OR NOT (JSON_EXTRACT(in_record, '$.first_name') COLLATE utf8mb4_bin
               <=> JSON_EXTRACT(in_known, '$.first_name'))
       OR NOT (JSON_EXTRACT(in_record, '$.last_name') COLLATE utf8mb4_bin
               <=> JSON_EXTRACT(in_known, '$.last_name')) THEN
        SET v_text = CONCAT_WS(' ', in_names, v_mails, JSON_VALUE(in_record, '$.notes'), REGEXP_REPLACE(
            v_display,
            '([\\p{L}\\p{M}\\p{N}]*+)(?<=[\\p{L}\\p{M}])[^\\p{L}\\p{N}]++(?=([\\p{L}\\p{M}]++))'
            '|[\\p{L}\\p{M}\\p{N}]++|.',
            '\\1\\2 '
        ));
        IF LENGTH(in_names) > CHAR_LENGTH(in_names)
           AND in_names RLIKE '[\\p{Han}\\p{Hiragana}\\p{Katakana}\\p{Hangul}\\p{Thai}]' THEN
            -- as much of each as a word of the index holds: whole ones would grow with the square of a name
            SET v_endings = REGEXP_REPLACE(
                in_names,
                '(?=([\\p{Han}\\p{Hiragana}\\p{Katakana}ー\\p{Hangul}\\p{Thai}]{1,64}+)).|.', '\\1 '
            );
        END IF;
        SET v_words = text_words(CONCAT_WS(' ', v_text, v_endings), 'both'),
            v_parts = IF(
                -- one address, plain, and no @ anywhere else
                v_mails RLIKE '^\\["[0-9A-Za-z._%+-]+@[0-9A-Za-z.-]+"\\]$'
                AND LOCATE('@', v_text) = LENGTH(v_text) - LOCATE('@', REVERSE(v_text)) + 1,
                CONCAT('["@', SUBSTRING_INDEX(v_mails, '@', -1)), text_words(v_text, 'parts')
            );
        IF CHAR_LENGTH(v_words) + CHAR_LENGTH(v_parts) > 8192 THEN
            -- a long text repeats its words; to leave them out here costs a fifth of sorting them later
            SELECT JSON_ARRAYAGG(DISTINCT j.word) INTO v_words
            FROM JSON_TABLE(CONCAT('[', v_words, ',', v_parts, ']'), '$[*][*]' COLUMNS (
                word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
            )) AS j;
            SET v_parts = '[]';
        END IF;
    END IF;

    RETURN CONCAT(
        '[{"kind":"updated_at","words":[', COALESCE(JSON_EXTRACT(in_record, '$.updated_at'), 'null'),
        ']}', IF(
            NOT v_is_all AND JSON_EXTRACT(in_record, '$.source') COLLATE utf8mb4_bin
                             <=> JSON_EXTRACT(in_known, '$.source'),
            '', CONCAT(',{"kind":"source","words":[',
                       COALESCE(JSON_EXTRACT(in_record, '$.source'), 'null'), ']}')
        ), IF(
            NOT v_is_all AND JSON_EXTRACT(in_record, '$.tags') COLLATE utf8mb4_bin
                             <=> JSON_EXTRACT(in_known, '$.tags'),
            '', CONCAT(',{"kind":"tag","words":', COALESCE(JSON_EXTRACT(in_record, '$.tags'), '[]'), '}')
        ),
        IF(NOT v_is_all, '', CONCAT(
            ',{"kind":"display_name","words":[', COALESCE(JSON_EXTRACT(in_record, '$.display_name'), 'null'),
            ']},{"kind":"created_at","words":[', COALESCE(JSON_EXTRACT(in_record, '$.created_at'), 'null'),
            ']},{"kind":"name","words":["', COALESCE(CASE
                WHEN v_display NOT RLIKE '^[0-9A-Za-z]+ [0-9A-Za-z]+$' THEN (
                    -- as name_key, which would be one more routine that every write reaches
                    SELECT LEFT(GROUP_CONCAT(j.word ORDER BY j.word SEPARATOR ' '), 255)
                    FROM JSON_TABLE(text_words(v_display, 'plain'), '$[*]' COLUMNS (
                        word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
                    )) AS j
                    WHERE j.word <> ''
                )
                WHEN SUBSTRING_INDEX(v_display, ' ', 1) COLLATE utf8mb4_unicode_520_ci
                     <= SUBSTRING_INDEX(v_display, ' ', -1) THEN v_display
                ELSE CONCAT(SUBSTRING_INDEX(v_display, ' ', -1), ' ', SUBSTRING_INDEX(v_display, ' ', 1))
            END, ''), '"]}'
        )),
        CASE
            WHEN NOT v_is_all AND v_company COLLATE utf8mb4_bin <=> JSON_VALUE(in_known, '$.company') THEN ''
            -- the last character of Unicode
            WHEN v_company IS NULL
                THEN CONCAT(',{"kind":"company","words":["', _utf8mb4 x'F48FBFBF',
                            '"]},{"kind":"company_desc","words":[""]},{"kind":"company_part","words":[]}')
            ELSE CONCAT(
                ',{"kind":"company","words":[', JSON_QUOTE(v_company),
                ']},{"kind":"company_desc","words":[', JSON_QUOTE(v_company),
                ']},{"kind":"company_part","words":[', REGEXP_REPLACE(
                    SUBSTR(JSON_QUOTE(v_company), 2, CHAR_LENGTH(JSON_QUOTE(v_company)) - 2),
                    '(?=(.+))(?:\\\\.|.)', '"\\1",'
                ), '""]}')
        END,
        COALESCE(CONCAT(',{"kind":"phone","words":["', v_phone_keys, '"]}'), ''),
        COALESCE(CONCAT(
            ',{"kind":"text","words":', v_words, '},{"kind":"text","words":', v_parts,
            '},{"kind":"text","words":', v_mails, '},{"kind":"text","words":["',
            REPLACE(REGEXP_REPLACE(v_numbers, '(?=([0-9]+))[0-9]', '\\1;'), ';', '","'), '"]}'
        ), ''),
        ']'
    );
END$$
DELIMITER ;
