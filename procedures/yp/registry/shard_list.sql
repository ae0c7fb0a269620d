-- shard_list: every shard there is.
--
-- Params:   none
-- Returns:  rows      name
-- Errors:   none
-- Example:  CALL shard_list();
DELIMITER $$
CREATE OR REPLACE PROCEDURE shard_list()
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT name FROM shard ORDER BY name;
END$$
DELIMITER ;
