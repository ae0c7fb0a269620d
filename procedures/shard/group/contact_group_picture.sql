-- contact_group_picture: get the picture of a group for a file; none when the group is gone, or shows a node.
--
-- Params:   in_owner   owner of the group
--           in_key     id or name of the group
-- Returns:  at most one row   mimetype, picture
-- Errors:   none
-- Example:  CALL contact_group_picture('00000000000000a1', 'Pioneers');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_picture(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_key   VARCHAR(255)
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin DEFAULT contact_group_find(in_owner, in_key);

    SELECT mimetype, picture
    FROM contact_group_picture
    WHERE owner_id = in_owner AND group_id = v_id;
END$$
DELIMITER ;
