-- schema_state: list the migrations that were applied to the registry and to every complete shard.
--
-- Params:   none
-- Returns:  rows      db_name, name (of the migration; NULL for a shard without any)
-- Errors:   none
-- Example:  CALL schema_state();
DELIMITER $$
CREATE OR REPLACE PROCEDURE schema_state()
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT i.db_name, i.name
    FROM deploy_item AS i
    WHERE i.kind = 'migration' AND i.db_name = 'yp'
    UNION ALL
    SELECT s.name, i.name
    FROM shard AS s
    LEFT JOIN deploy_item AS i ON i.kind = 'migration' AND i.db_name = s.name
    WHERE s.is_open IN (0, 1);
END$$
DELIMITER ;
