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
    DECLARE v_start VARCHAR(245) DEFAULT LEFT(in_name, 245);
    DECLARE v_old_name VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_number, v_taken_count INT UNSIGNED;

    SELECT COUNT(*) INTO v_taken_count
    FROM tag
    WHERE owner_id = in_owner AND NOT (tag_id <=> in_tag)
      AND name COLLATE utf8mb4_unicode_520_ci = in_name COLLATE utf8mb4_unicode_520_ci;
    IF v_taken_count = 0 THEN
        RETURN in_name;
    END IF;
    SELECT MAX(name) INTO v_old_name FROM tag WHERE owner_id = in_owner AND tag_id = in_tag;
    -- one name more than the owner has is enough, and another one because number 1 may equal number 2; equal
    -- names meet in a group
    WITH taken AS (
        SELECT name FROM tag WHERE owner_id = in_owner AND NOT (tag_id <=> in_tag)
    ),
    numbers AS (
        SELECT ROW_NUMBER() OVER () AS number
        FROM (SELECT 1 FROM taken UNION ALL SELECT 1 UNION ALL SELECT 1) AS enough
    ),
    wanted AS (
        SELECT number, IF(number = 1, in_name, CONCAT(v_start, ' (', number, ')')) AS name FROM numbers
    )
    SELECT MIN(f.number) INTO v_number
    FROM (
        SELECT MIN(n.number) AS number
        FROM (
            SELECT number, name COLLATE utf8mb4_unicode_520_ci AS name FROM wanted
            UNION ALL
            SELECT NULL, name COLLATE utf8mb4_unicode_520_ci FROM taken
        ) AS n
        GROUP BY n.name
        HAVING COUNT(*) = COUNT(n.number)
        UNION ALL
        SELECT number FROM wanted WHERE name COLLATE utf8mb4_bin = v_old_name
    ) AS f;
    RETURN IF(v_number = 1, in_name, CONCAT(v_start, ' (', v_number, ')'));
END$$
DELIMITER ;
