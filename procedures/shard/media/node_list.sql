-- node_list: list a page of the nodes in a folder of a hub, for those who may read the whole hub.
--
-- Params:   in_owner   hub
--           in_uid     user who reads; guests of one room see nothing of the others
--           in_folder  folder; NULL: the root
--           in_order   asc or desc, by time
--           in_page    1 is the first
--           in_size    rows a page
-- Returns:  rows       data  JSON (node_card) and page
-- Errors:   none
-- Example:  CALL node_list('00000000000000f1', '00000000000000a1', NULL, 'desc', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE node_list(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_uid    CHAR(16) COLLATE ascii_bin,
    IN in_folder VARCHAR(64) COLLATE ascii_bin,
    IN in_order  VARCHAR(8) COLLATE ascii_bin,
    IN in_page   INT UNSIGNED,
    IN in_size   INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_skip BIGINT UNSIGNED DEFAULT (in_page - 1) * in_size;

    SELECT JSON_INSERT(n.data, '$.page', in_page + 0) AS data
    FROM node_card AS n
    WHERE n.owner_id = in_owner
      AND n.parent_id <=> in_folder
      AND (in_owner = in_uid OR yp.hub_level(in_owner, in_uid) >= 2)
    ORDER BY IF(in_order = 'asc', n.ctime, NULL), IF(in_order = 'asc', NULL, n.ctime) DESC, n.id
    LIMIT v_skip, in_size;
END$$
DELIMITER ;
