-- shallow_merge: set the keys of one JSON object in another. A key whose value is null is removed.
--
-- Params:   in_object   JSON object
--           in_changes  JSON object
-- Returns:  a value     JSON object; each value replaces the old one as a whole
-- Errors:   none
-- Example:  SELECT shallow_merge('{"a": {"b": 1}, "c": 2}', '{"a": {"d": 1}, "c": null}');
DELIMITER $$
CREATE OR REPLACE FUNCTION shallow_merge(
    in_object  LONGTEXT,
    in_changes LONGTEXT
)
    RETURNS LONGTEXT
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_keys LONGTEXT DEFAULT JSON_KEYS(in_object);
    DECLARE v_pairs LONGTEXT DEFAULT '';
    DECLARE v_index INT UNSIGNED DEFAULT 0;

    WHILE v_index < COALESCE(JSON_LENGTH(v_keys), 0) DO
        IF NOT JSON_CONTAINS(JSON_KEYS(in_changes), JSON_EXTRACT(v_keys, CONCAT('$[', v_index, ']'))) THEN
            SET v_pairs = CONCAT(
                v_pairs, ',', JSON_EXTRACT(v_keys, CONCAT('$[', v_index, ']')), ':',
                JSON_EXTRACT(in_object, CONCAT('$.', JSON_EXTRACT(v_keys, CONCAT('$[', v_index, ']'))))
            );
        END IF;
        SET v_index = v_index + 1;
    END WHILE;
    SET v_keys = JSON_KEYS(in_changes), v_index = 0;
    WHILE v_index < COALESCE(JSON_LENGTH(v_keys), 0) DO
        IF JSON_TYPE(
            JSON_EXTRACT(in_changes, CONCAT('$.', JSON_EXTRACT(v_keys, CONCAT('$[', v_index, ']'))))
        ) <> 'NULL' THEN
            SET v_pairs = CONCAT(
                v_pairs, ',', JSON_EXTRACT(v_keys, CONCAT('$[', v_index, ']')), ':',
                JSON_EXTRACT(in_changes, CONCAT('$.', JSON_EXTRACT(v_keys, CONCAT('$[', v_index, ']'))))
            );
        END IF;
        SET v_index = v_index + 1;
    END WHILE;
    RETURN CONCAT('{', SUBSTR(v_pairs, 2), '}');
END$$
DELIMITER ;
