-- tag_tree: list a tag and all tags below it.
--
-- Params:   in_owner   owner of the tags
--           in_tag     tag
-- Returns:  a value    JSON array of tag ids; empty when there is no such tag
-- Errors:   none
-- Example:  SELECT tag_tree('00000000000000a1', '0000000000000d01');
DELIMITER $$
CREATE OR REPLACE FUNCTION tag_tree(
    in_owner CHAR(16) COLLATE ascii_bin,
    in_tag   VARCHAR(64) COLLATE ascii_bin
)
    RETURNS LONGTEXT
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    RETURN (
        WITH RECURSIVE subtree (tag_id) AS (
            SELECT tag_id FROM tag WHERE owner_id = in_owner AND tag_id = in_tag
            UNION
            SELECT t.tag_id FROM tag AS t JOIN subtree AS s ON t.parent_tag_id = s.tag_id
            WHERE t.owner_id = in_owner
        )
        SELECT COALESCE(JSON_ARRAYAGG(tag_id), '[]') FROM subtree
    );
END$$
DELIMITER ;
