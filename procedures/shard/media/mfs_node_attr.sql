-- mfs_node_attr: get the attributes of a node (a folder, a scheduled meeting).
--
-- Params:   in_owner   hub or user of the node
--           in_node    node
-- Returns:  at most one row   data  JSON: id, filename, category, owner_id (its author), hub_id, ctime
-- Errors:   none
-- Example:  CALL mfs_node_attr('00000000000000f1', '00000000000000f2');
DELIMITER $$
CREATE OR REPLACE PROCEDURE mfs_node_attr(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_node  VARCHAR(64) COLLATE ascii_bin
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
