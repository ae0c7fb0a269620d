-- node_get: get a node of a hub, such as a scheduled meeting, as the frontend shows files; for those who may
-- read the whole hub.
--
-- Params:   in_owner         hub
--           in_uid           user who reads; guests of one room see nothing of the others
--           in_node          node
-- Returns:  at most one row  data  JSON (node_card)
-- Errors:   none
-- Example:  CALL node_get('00000000000000f1', '00000000000000a1', '00000000000000f9');
DELIMITER $$
CREATE OR REPLACE PROCEDURE node_get(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_uid   CHAR(16) COLLATE ascii_bin,
    IN in_node  VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT n.data
    FROM node_card AS n
    WHERE n.owner_id = in_owner
      AND n.id = in_node
      AND (in_owner = in_uid OR yp.hub_level(in_owner, in_uid) >= 2);
END$$
DELIMITER ;
