-- json_conflicts: list the keys of a JSON object whose values differ from those in another one.
--
-- Params:   in_object   JSON object, or NULL
--           in_other    JSON object, or NULL
-- Returns:  a value     JSON object: the values of in_other under the keys that both have, neither null
-- Errors:   none
-- Example:  SELECT json_conflicts('{"a": 1, "b": 2}', '{"a": 1, "b": 3, "c": 4}');
DELIMITER $$
CREATE OR REPLACE FUNCTION json_conflicts(
    in_object LONGTEXT,
    in_other  LONGTEXT
)
    RETURNS LONGTEXT
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_keys LONGTEXT DEFAULT JSON_KEYS(in_other);
    DECLARE v_pairs LONGTEXT DEFAULT '';
    DECLARE v_index INT UNSIGNED DEFAULT 0;
    DECLARE v_key, v_value, v_other_value LONGTEXT;

    WHILE v_index < COALESCE(JSON_LENGTH(v_keys), 0) DO
        SET v_key = JSON_EXTRACT(v_keys, CONCAT('$[', v_index, ']')),
            v_value = JSON_EXTRACT(in_object, CONCAT('$.', v_key)),
            v_other_value = JSON_EXTRACT(in_other, CONCAT('$.', v_key)),
            v_index = v_index + 1;
        IF JSON_TYPE(v_value) <> 'NULL' AND JSON_TYPE(v_other_value) <> 'NULL'
           AND NOT JSON_EQUALS(v_value, v_other_value) THEN
            SET v_pairs = CONCAT(v_pairs, ',', v_key, ':', v_other_value);
        END IF;
    END WHILE;
    RETURN CONCAT('{', SUBSTR(v_pairs, 2), '}');
END$$
DELIMITER ;
