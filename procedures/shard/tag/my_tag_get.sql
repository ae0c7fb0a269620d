-- my_tag_get: list the tags of a contact or hub.
--
-- Params:   in_owner    owner of the tags
--           in_entity   contact or hub
-- Returns:  rows        data  JSON (tag_card)
-- Errors:   none
-- Example:  CALL my_tag_get('00000000000000a1', '0000000000000c01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_tag_get(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_entity VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT k.data
    FROM map_tag AS m
    JOIN tag_card AS k ON k.owner_id = m.owner_id AND k.tag_id = m.tag_id
    WHERE m.owner_id = in_owner AND m.entity_id = in_entity
    ORDER BY k.position, k.tag_id;
END$$
DELIMITER ;
