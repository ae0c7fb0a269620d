-- tag_name_free: find a name that no other tag of the owner has: the wanted one, or the wanted one with "
-- (2)", " (3)" … appended.
--
-- Names that differ only in case or accents count as equal here, so that users can tell their tags apart. The
-- REST API and files may create both, and each keeps its name.
--
-- Params:   in_owner   owner of the tags, which the caller has locked
--           in_name    wanted name
--           in_tag     tag that gets the name, or NULL for a new one
-- Returns:  a value    the name
-- Errors:   none
-- Example:  SELECT tag_name_free('00000000000000a1', 'Work', NULL);
DELIMITER $$
CREATE OR REPLACE FUNCTION tag_name_free(
    in_owner CHAR(16) COLLATE ascii_bin,
    in_name  VARCHAR(255),
    in_tag   CHAR(16) COLLATE ascii_bin
)
    RETURNS VARCHAR(255)
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_name VARCHAR(255) DEFAULT in_name;
    DECLARE v_old_name VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_copy INT DEFAULT 1;

    SELECT MAX(name) INTO v_old_name FROM tag WHERE owner_id = in_owner AND tag_id = in_tag;
    WHILE NOT (v_name <=> v_old_name) AND EXISTS (
        SELECT 1 FROM tag
        WHERE owner_id = in_owner AND name COLLATE utf8mb4_unicode_520_ci = v_name AND NOT (tag_id <=> in_tag)
    ) DO
        SET v_copy = v_copy + 1;
        SET v_name = CONCAT(LEFT(in_name, 245), ' (', v_copy, ')');
    END WHILE;
    RETURN v_name;
END$$
DELIMITER ;
