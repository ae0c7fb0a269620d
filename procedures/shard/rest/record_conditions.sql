-- record_conditions: translate the filters of a list into ranges of the index of records.
--
-- A text is split into words as in contact_keys; a word with an @ is an address, or a part of one. A text of
-- digits and signs alone is one number, however it is written.
--
-- Params:   in_query    JSON (my_contact_records)
-- Returns:  a value     JSON array of kind, low, high; a contact must meet all of them
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
    DECLARE v_search TEXT DEFAULT TRIM(
        REGEXP_REPLACE(COALESCE(JSON_VALUE(in_query, '$.search'), ''), '[\\s\\p{C}]+', ' ')
    );
    DECLARE v_source VARCHAR(255) DEFAULT NULLIF(JSON_VALUE(in_query, '$.source'), '');
    DECLARE v_company VARCHAR(254) DEFAULT NULLIF(LEFT(JSON_VALUE(in_query, '$.company'), 254), '');
    DECLARE v_words LONGTEXT DEFAULT '[]';
    DECLARE v_tags LONGTEXT;
    DECLARE v_conditions, v_plain_words LONGTEXT DEFAULT '';
    DECLARE v_term, v_condition TEXT;
    DECLARE v_index INT UNSIGNED DEFAULT 0;

    IF v_search RLIKE '^[+(]*[\\p{Nd} +().\\/-]{6,}$' THEN
        SET v_search = REGEXP_REPLACE(REPLACE(v_search, '(0)', ''), '[^\\p{Nd}]+', '');
    END IF;
    -- word by word, without a cursor: one over texts makes a temporary table on disk
    WHILE CHAR_LENGTH(v_search) > 0 DO
        SET v_term = SUBSTRING_INDEX(v_search, ' ', 1),
            v_search = SUBSTR(v_search, CHAR_LENGTH(v_term) + 2);
        IF v_term LIKE '%_@%' OR v_term LIKE '%@_%' THEN
            SET v_words = JSON_MERGE_PRESERVE(v_words, text_words(v_term, 'mails'));
        ELSE
            SET v_plain_words = CONCAT(v_plain_words, ' ', v_term);
        END IF;
    END WHILE;
    SET v_words = JSON_MERGE_PRESERVE(v_words, text_words(v_plain_words, 'typed'));
    WHILE v_index < JSON_LENGTH(v_words) DO
        SET v_term = LEFT(JSON_VALUE(v_words, CONCAT('$[', v_index, ']')), 64),
            v_index = v_index + 1,
            v_condition = JSON_OBJECT('kind', 'text', 'low', v_term, 'high', prefix_end(v_term));
        IF v_term <> '' AND LOCATE(v_condition, v_conditions) = 0 THEN
            SET v_conditions = CONCAT(v_conditions, ',', v_condition);
        END IF;
    END WHILE;
    IF v_conditions = '' AND v_plain_words <> '' THEN
        -- a search for nothing but signs matches no contact
        SET v_conditions = CONCAT(',', JSON_OBJECT('kind', 'text', 'low', '-', 'high', '-'));
    END IF;

    SET v_tags = JSON_EXTRACT(in_query, '$.tag'), v_index = 0;
    WHILE v_index < JSON_LENGTH(v_tags) DO
        SET v_term = MD5(JSON_VALUE(v_tags, CONCAT('$[', v_index, ']'))),
            v_index = v_index + 1,
            v_conditions = CONCAT(v_conditions, ',',
                                  JSON_OBJECT('kind', 'tag', 'low', v_term, 'high', v_term));
    END WHILE;
    IF v_source IS NOT NULL THEN
        SET v_conditions = CONCAT(v_conditions, ',', JSON_OBJECT(
            'kind', 'source', 'low', MD5(v_source), 'high', MD5(v_source)
        ));
    END IF;
    IF v_company IS NOT NULL THEN
        SET v_conditions = CONCAT(v_conditions, ',', JSON_OBJECT(
            'kind', 'company_part', 'low', v_company, 'high', prefix_end(v_company)
        ));
    END IF;
    RETURN CONCAT('[', SUBSTR(v_conditions, 2), ']');
END$$
DELIMITER ;
