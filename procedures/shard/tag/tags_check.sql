-- tags_check: refuse a list that names an unknown tag. The caller has locked the tags of the owner.
--
-- Params:   in_owner   owner of the tags
--           in_tags    JSON array of tag ids
-- Returns:  nothing
-- Errors:   TAG_NOT_FOUND   one of them does not exist
-- Example:  CALL tags_check('00000000000000a1', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE tags_check(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_tags  LONGTEXT
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_unknown_count INT UNSIGNED;

    SELECT COUNT(*) INTO v_unknown_count
    FROM JSON_TABLE(in_tags, '$[*]' COLUMNS (tag_id VARCHAR(64) COLLATE ascii_bin PATH '$')) AS j
    LEFT JOIN tag AS t ON t.owner_id = in_owner AND t.tag_id = j.tag_id
    WHERE t.tag_id IS NULL;
    IF v_unknown_count > 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'TAG_NOT_FOUND';
    END IF;
END$$
DELIMITER ;
