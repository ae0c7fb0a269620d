-- trashed_with: contacts in the owner's trash that have one of some tags, or were in one of some groups.
--
-- Params:   in_owner   whose trash
--           in_list    tag or group
--           in_ids     JSON array of their ids
-- Returns:  a value    JSON array of contacts
-- Errors:   none
-- Example:  SELECT trashed_with('00000000000000a1', 'tag', '["0000000000000d01"]');
DELIMITER $$
CREATE OR REPLACE FUNCTION trashed_with(
    in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    in_list  VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin,
    in_ids   LONGTEXT
)
    RETURNS LONGTEXT
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_found LONGTEXT;

    SELECT COALESCE(JSON_ARRAYAGG(id), '[]') INTO v_found
    FROM contact_trash
    WHERE owner_id = in_owner AND JSON_OVERLAPS(JSON_EXTRACT(book, CONCAT('$.', in_list)), in_ids);
    RETURN v_found;
END$$
DELIMITER ;
