-- record_conditions: what a contact must meet to be found, as ranges of the index of records.
--
-- A text is split into words as record_keys does it; one with an @ is an address and stays whole.
--
-- Params:   in_query    JSON (my_contact_records)
-- Returns:  a value     JSON array of kind, low, high; all must be met
-- Errors:   none
-- Example:  SELECT record_conditions('{"search": "ada", "tag": ["work"]}');
DELIMITER $$
CREATE OR REPLACE FUNCTION record_conditions(
    in_query LONGTEXT
)
    RETURNS LONGTEXT
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_search TEXT DEFAULT TRIM(REGEXP_REPLACE(COALESCE(JSON_VALUE(in_query, '$.search'), ''), '[\\s\\p{C}]+', ' '));
    DECLARE v_source VARCHAR(255) DEFAULT NULLIF(JSON_VALUE(in_query, '$.source'), '');
    DECLARE v_company VARCHAR(254) DEFAULT NULLIF(LEFT(JSON_VALUE(in_query, '$.company'), 254), '');
    DECLARE v_words LONGTEXT DEFAULT '[]';
    DECLARE v_found LONGTEXT DEFAULT '';
    DECLARE v_plain TEXT DEFAULT '';

    FOR t IN (
        SELECT j.term
        FROM JSON_TABLE(CONCAT('[', REPLACE(JSON_QUOTE(v_search), ' ', '","'), ']'), '$[*]' COLUMNS (term TEXT PATH '$')) AS j
        WHERE j.term <> ''
    ) DO
        IF t.term LIKE '%_@%' OR t.term LIKE '%@_%' THEN
            SET v_words = JSON_ARRAY_APPEND(v_words, '$', t.term);
        ELSE
            SET v_plain = CONCAT(v_plain, ' ', t.term);
        END IF;
    END FOR;
    FOR w IN (
        SELECT j.word FROM JSON_TABLE(search_words(joined_digits(v_plain)), '$[*]' COLUMNS (word TEXT PATH '$')) AS j
        WHERE j.word <> ''
        LIMIT 20
    ) DO
        SET v_words = JSON_ARRAY_APPEND(v_words, '$', w.word);
    END FOR;
    IF v_search <> '' AND JSON_LENGTH(v_words) = 0 THEN
        -- nothing but signs was typed: nobody is named so
        SET v_words = JSON_ARRAY('-');
    END IF;

    FOR w IN (SELECT LEFT(j.word, 64) AS word FROM JSON_TABLE(v_words, '$[*]' COLUMNS (word TEXT PATH '$')) AS j) DO
        SET v_found = CONCAT(v_found, ',', JSON_OBJECT('kind', 'text', 'low', w.word, 'high', last_word(w.word)));
    END FOR;
    FOR t IN (SELECT j.name FROM JSON_TABLE(in_query, '$.tag[*]' COLUMNS (name VARCHAR(255) PATH '$')) AS j) DO
        SET v_found = CONCAT(v_found, ',', JSON_OBJECT('kind', 'tag', 'low', MD5(t.name), 'high', MD5(t.name)));
    END FOR;
    IF v_source IS NOT NULL THEN
        SET v_found = CONCAT(v_found, ',', JSON_OBJECT('kind', 'source', 'low', MD5(v_source), 'high', MD5(v_source)));
    END IF;
    IF v_company IS NOT NULL THEN
        SET v_found = CONCAT(v_found, ',', JSON_OBJECT('kind', 'company_part', 'low', v_company, 'high', last_word(v_company)));
    END IF;
    RETURN CONCAT('[', SUBSTR(v_found, 2), ']');
END$$
DELIMITER ;
