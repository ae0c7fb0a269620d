-- mfs_node_attr: what a node (a folder, a scheduled meeting) is.
--
-- Params:   in_owner   hub or person it belongs to
--           in_node    its id
-- Returns:  at most one row   data  JSON: id, filename, category, owner_id (who made it), hub_id, ctime
-- Errors:   none
-- Example:  CALL mfs_node_attr('00000000000000f1', '00000000000000f2');
DELIMITER $$
CREATE OR REPLACE PROCEDURE mfs_node_attr(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_node  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT(
        'id', m.id, 'filename', m.filename, 'category', m.category, 'owner_id', m.author_id,
        'hub_id', m.owner_id, 'ctime', m.ctime
    ) AS data
    FROM media AS m
    WHERE m.owner_id = in_owner AND m.id = in_node;
END$$
DELIMITER ;
