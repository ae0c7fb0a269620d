-- shallow_merge: an object with the keys of another one put into it; those that are null are taken out.
--
-- Params:   in_object   JSON object
--           in_changes  JSON object
-- Returns:  a value     JSON object; values are replaced as a whole, never merged
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
    DECLARE v_kept LONGTEXT DEFAULT '';
    DECLARE v_place INT UNSIGNED DEFAULT 0;

    WHILE v_place < COALESCE(JSON_LENGTH(v_keys), 0) DO
        IF NOT JSON_CONTAINS(JSON_KEYS(in_changes), JSON_EXTRACT(v_keys, CONCAT('$[', v_place, ']'))) THEN
            SET v_kept = CONCAT(v_kept, ',', JSON_EXTRACT(v_keys, CONCAT('$[', v_place, ']')), ':',
                                JSON_EXTRACT(in_object, CONCAT('$.', JSON_EXTRACT(v_keys, CONCAT('$[', v_place, ']')))));
        END IF;
        SET v_place = v_place + 1;
    END WHILE;
    SET v_keys = JSON_KEYS(in_changes), v_place = 0;
    WHILE v_place < COALESCE(JSON_LENGTH(v_keys), 0) DO
        IF JSON_TYPE(JSON_EXTRACT(in_changes, CONCAT('$.', JSON_EXTRACT(v_keys, CONCAT('$[', v_place, ']'))))) <> 'NULL' THEN
            SET v_kept = CONCAT(v_kept, ',', JSON_EXTRACT(v_keys, CONCAT('$[', v_place, ']')), ':',
                                JSON_EXTRACT(in_changes, CONCAT('$.', JSON_EXTRACT(v_keys, CONCAT('$[', v_place, ']')))));
        END IF;
        SET v_place = v_place + 1;
    END WHILE;
    RETURN CONCAT('{', SUBSTR(v_kept, 2), '}');
END$$
DELIMITER ;
