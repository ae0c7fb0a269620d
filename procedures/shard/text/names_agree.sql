-- names_agree: test whether two names may belong to one person: the words of one are all among the words of
-- the other, in any order, without case and accents. A name without words agrees with every other.
--
-- Two people who share an address have different names; one whose second name or title is missing, or who has
-- no name yet, is the same person.
--
-- Params:   in_first    a name, or NULL
--           in_second   another name, or NULL
-- Returns:  a value     1 or 0
-- Errors:   none
-- Example:  SELECT names_agree('Ada Lovelace', 'LOVELACE, Ada King');
DELIMITER $$
CREATE OR REPLACE FUNCTION names_agree(
    in_first  TEXT,
    in_second TEXT
)
    RETURNS TINYINT
    DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_first_words, v_second_words LONGTEXT;
    DECLARE v_first_missing, v_second_missing INT UNSIGNED;

    IF in_first = in_second THEN
        RETURN 1;
    END IF;
    SET v_first_words = text_words(in_first, 'plain'), v_second_words = text_words(in_second, 'plain');
    SELECT SUM(w.places = '1'), SUM(w.places = '2') INTO v_first_missing, v_second_missing
    FROM (
        SELECT j.word, GROUP_CONCAT(DISTINCT j.place) AS places
        FROM (
            SELECT 1 AS place, a.word
            FROM JSON_TABLE(v_first_words, '$[*]' COLUMNS (
                word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
            )) AS a
            UNION ALL
            SELECT 2, b.word
            FROM JSON_TABLE(v_second_words, '$[*]' COLUMNS (
                word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
            )) AS b
        ) AS j
        WHERE j.word <> ''
        GROUP BY j.word
    ) AS w;
    RETURN LEAST(COALESCE(v_first_missing, 0), COALESCE(v_second_missing, 0)) = 0;
END$$
DELIMITER ;
