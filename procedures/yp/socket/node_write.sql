-- node_write: write one row, so that health checks notice a database that cannot write.
--
-- Params:   in_node   this process
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL node_write('0000000000000001');
DELIMITER $$
CREATE OR REPLACE PROCEDURE node_write(
    IN in_node CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE node SET checks = checks + 1 WHERE id = in_node;
END$$
DELIMITER ;
