-- extra_merge: join what two contacts have beside their columns. Nothing of either is lost; entries that both
-- have stand there once.
--
-- Params:   in_ours     JSON object of arrays (extra of a contact), or NULL
--           in_theirs   JSON object of arrays, or NULL
-- Returns:  a value     JSON object of arrays, those of in_ours first; NULL when there is neither
-- Errors:   none
-- Example:  SELECT extra_merge('{"url": [{"value": "a"}]}', '{"url": [{"value": "b"}], "bday": []}');
DELIMITER $$
CREATE OR REPLACE FUNCTION extra_merge(
    in_ours   LONGTEXT,
    in_theirs LONGTEXT
)
    RETURNS LONGTEXT
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_keys LONGTEXT DEFAULT JSON_KEYS(in_theirs);
    DECLARE v_path, v_entry_path VARCHAR(512) COLLATE utf8mb4_bin;
    DECLARE v_index, v_entry INT UNSIGNED DEFAULT 0;
    IF in_ours IS NULL OR in_theirs IS NULL THEN
        RETURN COALESCE(in_ours, in_theirs);
    END IF;

    WHILE v_index < JSON_LENGTH(v_keys) DO
        SET v_path = CONCAT('$.', JSON_EXTRACT(v_keys, CONCAT('$[', v_index, ']'))), v_entry = 0;
        -- nothing happens when the key is there
        SET in_ours = JSON_INSERT(in_ours, v_path, JSON_ARRAY());
        WHILE v_entry < JSON_LENGTH(in_theirs, v_path) DO
            SET v_entry_path = CONCAT(v_path, '[', v_entry, ']');
            IF NOT JSON_CONTAINS(in_ours, JSON_EXTRACT(in_theirs, v_entry_path), v_path) THEN
                SET in_ours = JSON_ARRAY_APPEND(in_ours, v_path, JSON_EXTRACT(in_theirs, v_entry_path));
            END IF;
            SET v_entry = v_entry + 1;
        END WHILE;
        SET v_index = v_index + 1;
    END WHILE;
    RETURN in_ours;
END$$
DELIMITER ;
