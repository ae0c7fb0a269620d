-- record_conditions: what a contact must meet to be found, as ranges of the index of records.
--
-- A text is split into words as record_keys does it; one with an @ is an address, or a part of one.
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
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_search TEXT DEFAULT TRIM(REGEXP_REPLACE(COALESCE(JSON_VALUE(in_query, '$.search'), ''), '[\\s\\p{C}]+', ' '));
    DECLARE v_source VARCHAR(255) DEFAULT NULLIF(JSON_VALUE(in_query, '$.source'), '');
    DECLARE v_company VARCHAR(254) DEFAULT NULLIF(LEFT(JSON_VALUE(in_query, '$.company'), 254), '');
    DECLARE v_words LONGTEXT DEFAULT '[]';
    DECLARE v_tags LONGTEXT;
    DECLARE v_found, v_plain LONGTEXT DEFAULT '';
    DECLARE v_term, v_one TEXT;
    DECLARE v_place INT UNSIGNED DEFAULT 0;

    -- word by word, without cursors: one over texts makes a temporary table on disk
    WHILE CHAR_LENGTH(v_search) > 0 DO
        SET v_term = SUBSTRING_INDEX(v_search, ' ', 1), v_search = SUBSTR(v_search, CHAR_LENGTH(v_term) + 2);
        IF v_term LIKE '%_@%' OR v_term LIKE '%@_%' THEN
            SET v_words = JSON_MERGE_PRESERVE(v_words, text_addresses(v_term));
        ELSE
            SET v_plain = CONCAT(v_plain, ' ', v_term);
        END IF;
    END WHILE;
    SET v_words = JSON_MERGE_PRESERVE(v_words, text_words(joined_digits(v_plain)));
    WHILE v_place < JSON_LENGTH(v_words) DO
        SET v_term = LEFT(JSON_VALUE(v_words, CONCAT('$[', v_place, ']')), 64), v_place = v_place + 1,
            v_one = JSON_OBJECT('kind', 'text', 'low', v_term, 'high', last_word(v_term));
        IF v_term <> '' AND LOCATE(v_one, v_found) = 0 THEN
            SET v_found = CONCAT(v_found, ',', v_one);
        END IF;
    END WHILE;
    IF v_found = '' AND v_plain <> '' THEN
        -- nothing but signs was typed: nobody is named so
        SET v_found = CONCAT(',', JSON_OBJECT('kind', 'text', 'low', '-', 'high', '-'));
    END IF;

    SET v_tags = JSON_EXTRACT(in_query, '$.tag'), v_place = 0;
    WHILE v_place < JSON_LENGTH(v_tags) DO
        SET v_term = MD5(JSON_VALUE(v_tags, CONCAT('$[', v_place, ']'))), v_place = v_place + 1,
            v_found = CONCAT(v_found, ',', JSON_OBJECT('kind', 'tag', 'low', v_term, 'high', v_term));
    END WHILE;
    IF v_source IS NOT NULL THEN
        SET v_found = CONCAT(v_found, ',', JSON_OBJECT('kind', 'source', 'low', MD5(v_source), 'high', MD5(v_source)));
    END IF;
    IF v_company IS NOT NULL THEN
        SET v_found = CONCAT(v_found, ',', JSON_OBJECT('kind', 'company_part', 'low', v_company, 'high', last_word(v_company)));
    END IF;
    RETURN CONCAT('[', SUBSTR(v_found, 2), ']');
END$$
DELIMITER ;
