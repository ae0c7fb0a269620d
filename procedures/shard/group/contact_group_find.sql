-- contact_group_find: find a group by its id or its name.
--
-- Params:   in_owner   owner of the group
--           in_key     id or name
-- Returns:  a value    id, or NULL
-- Errors:   none
-- Example:  SELECT contact_group_find('00000000000000a1', 'Pioneers');
DELIMITER $$
CREATE OR REPLACE FUNCTION contact_group_find(
    in_owner CHAR(16) COLLATE ascii_bin,
    in_key   VARCHAR(255)
)
    RETURNS CHAR(16) COLLATE ascii_bin
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin;

    SELECT COALESCE(
        (SELECT id FROM contact_group WHERE owner_id = in_owner AND id = parse_id(in_key)),
        (SELECT id FROM contact_group WHERE owner_id = in_owner AND name = in_key)
    ) INTO v_id;
    RETURN v_id;
END$$
DELIMITER ;
