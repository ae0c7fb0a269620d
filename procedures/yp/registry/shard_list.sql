-- shard_list: list all shards except those that are not complete yet.
--
-- Params:   none
-- Returns:  rows      name
-- Errors:   none
-- Callers:  service/store/database.py, when a process starts
-- Example:  CALL shard_list();
DELIMITER $$
CREATE OR REPLACE PROCEDURE shard_list()
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT name FROM shard WHERE is_open IN (0, 1) ORDER BY name;
END$$
DELIMITER ;
