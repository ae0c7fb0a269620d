-- contact_group_get_avatar: the picture of a group.
--
-- Params:   in_owner   whose group
--           in_key     id or name of the group
-- Returns:  one row    data  JSON: group_id, avatar (node, or NULL)
-- Errors:   GROUP_NOT_FOUND   no such group
-- Example:  CALL contact_group_get_avatar('00000000000000a1', 'Pioneers');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_get_avatar(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_key   VARCHAR(255)
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin DEFAULT contact_group_find(in_owner, in_key);

    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'GROUP_NOT_FOUND';
    END IF;
    SELECT JSON_OBJECT('group_id', g.id, 'avatar', g.avatar) AS data
    FROM contact_group AS g
    WHERE g.owner_id = in_owner AND g.id = v_id;
END$$
DELIMITER ;
