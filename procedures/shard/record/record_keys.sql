-- record_keys: what a record is sorted by and found by, kind by kind (contact_index).
--
-- Words: those of names, company and notes; mail addresses, and what looks like one in a text, in words, as a whole, and
-- from the @ on; of each phone number every run of digits to its end, so that any digits of it find it; of the company
-- everything from any of its characters on. Contacts without company come last, in both directions.
--
-- Params:   in_record   JSON (my_contacts_render)
-- Returns:  a value     JSON array of objects: kind; words, an array with empty texts and nulls among them
-- Errors:   none
-- Example:  SELECT record_keys('{"display_name": "Ada", "emails": [{"address": "ada@example.org"}], "phones": [], "tags": []}');
DELIMITER $$
CREATE OR REPLACE FUNCTION record_keys(
    in_record LONGTEXT
)
    RETURNS LONGTEXT
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_mails LONGTEXT DEFAULT COALESCE(JSON_EXTRACT(in_record, '$.emails[*].address'), '[]');
    -- the digits of each number, between semicolons
    DECLARE v_numbers LONGTEXT DEFAULT REPLACE(REPLACE(REGEXP_REPLACE(
        REPLACE(COALESCE(JSON_EXTRACT(in_record, '$.phones[*].number'), ''), '\\"', ''), '[^0-9"]+', ''), '""', ';'), '"', '');
    DECLARE v_text LONGTEXT DEFAULT CONCAT_WS(' ',
        JSON_VALUE(in_record, '$.display_name'), JSON_VALUE(in_record, '$.first_name'),
        JSON_VALUE(in_record, '$.last_name'), JSON_VALUE(in_record, '$.company'), v_mails, JSON_VALUE(in_record, '$.notes'));
    DECLARE v_addresses LONGTEXT DEFAULT text_addresses(v_text);
    DECLARE v_company TEXT DEFAULT JSON_QUOTE(JSON_VALUE(in_record, '$.company'));
    DECLARE v_name VARCHAR(255);

    SELECT LEFT(GROUP_CONCAT(j.word ORDER BY j.word SEPARATOR ' '), 255) INTO v_name
    FROM JSON_TABLE(text_words(JSON_VALUE(in_record, '$.display_name')), '$[*]' COLUMNS (word VARCHAR(255) PATH '$')) AS j
    WHERE j.word <> '';
    IF v_text RLIKE '[0-9][-./()]+[0-9]' THEN
        SET v_text = CONCAT(v_text, ' ', joined_digits(v_text));
    END IF;

    RETURN JSON_ARRAY(
        JSON_OBJECT('kind', 'display_name', 'words', JSON_ARRAY(JSON_VALUE(in_record, '$.display_name'))),
        JSON_OBJECT('kind', 'company', 'words', JSON_ARRAY(COALESCE(JSON_VALUE(in_record, '$.company'), last_word('')))),
        JSON_OBJECT('kind', 'company_desc', 'words', JSON_ARRAY(COALESCE(JSON_VALUE(in_record, '$.company'), ''))),
        JSON_OBJECT('kind', 'company_part', 'words', JSON_COMPACT(CONCAT('[', REGEXP_REPLACE(
            COALESCE(SUBSTR(v_company, 2, CHAR_LENGTH(v_company) - 2), ''), '(?=(.+))(?:\\\\.|.)', '"\\1",'), '""]'))),
        JSON_OBJECT('kind', 'created_at', 'words', JSON_ARRAY(JSON_VALUE(in_record, '$.created_at'))),
        JSON_OBJECT('kind', 'updated_at', 'words', JSON_ARRAY(JSON_VALUE(in_record, '$.updated_at'))),
        JSON_OBJECT('kind', 'source', 'words', JSON_ARRAY(JSON_VALUE(in_record, '$.source'))),
        JSON_OBJECT('kind', 'tag', 'words', JSON_EXTRACT(in_record, '$.tags')),
        JSON_OBJECT('kind', 'name', 'words', JSON_ARRAY(v_name)),
        -- the last nine digits of those that have six
        JSON_OBJECT('kind', 'phone', 'words', JSON_COMPACT(CONCAT('["', REPLACE(REGEXP_REPLACE(REGEXP_REPLACE(
            v_numbers, '(?<![0-9])[0-9]{1,5}(?![0-9])', ''), '[0-9]*?([0-9]{6,9})(?![0-9])', '\\1'), ';', '","'), '"]'))),
        JSON_OBJECT('kind', 'text', 'words', JSON_COMPACT(text_words(v_text))),
        JSON_OBJECT('kind', 'text', 'words', JSON_COMPACT(REGEXP_REPLACE(v_addresses, '("[^"@]*)(@[^"]*")', '\\1\\2,"\\2'))),
        JSON_OBJECT('kind', 'text', 'words', JSON_COMPACT(v_mails)),
        JSON_OBJECT('kind', 'text', 'words', JSON_COMPACT(CONCAT('["', REPLACE(REGEXP_REPLACE(
            v_numbers, '(?=([0-9]+))[0-9]', '\\1;'), ';', '","'), '"]')))
    );
END$$
DELIMITER ;
