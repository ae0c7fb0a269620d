-- home_get: return the node of the cluster that all service processes use.
--
-- Callers:  the probe of each service process (service/store/nodes.py)
-- Params:   none
-- Returns:  at most one row   epoch  number of the agreement, from 1
--                             node   what the server calls itself, name:port
-- Errors:   none
-- Example:  CALL home_get();
DELIMITER $$
CREATE OR REPLACE PROCEDURE home_get()
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT epoch, node FROM home WHERE id = 1;
END$$
DELIMITER ;
