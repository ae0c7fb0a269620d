-- contact_group_get_avatar: get the picture of a group.
--
-- Params:   in_owner     owner of the group
--           in_key       id or name of the group
--           in_whole     1: with the content of the picture
-- Returns:  one row      data  JSON: group_id, avatar (node or id of a picture of its own, or NULL), mimetype
--                              (of the latter, else NULL)
--           at most one row   picture
-- Errors:   GROUP_NOT_FOUND   no such group
-- Example:  CALL contact_group_get_avatar('00000000000000a1', 'Pioneers', 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_get_avatar(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_key   VARCHAR(255),
    IN in_whole TINYINT
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin DEFAULT contact_group_find(in_owner, in_key);

    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'GROUP_NOT_FOUND';
    END IF;
    SELECT JSON_OBJECT('group_id', g.id, 'avatar', g.avatar, 'mimetype', p.mimetype) AS data
    FROM contact_group AS g
    LEFT JOIN contact_group_picture AS p ON p.owner_id = g.owner_id AND p.group_id = g.id
    WHERE g.owner_id = in_owner AND g.id = v_id;
    SELECT p.picture
    FROM contact_group_picture AS p
    WHERE p.owner_id = in_owner AND p.group_id = v_id AND in_whole = 1;
END$$
DELIMITER ;
