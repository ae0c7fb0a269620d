-- node_leave: announce that a process is about to stop, and count those that can take over its WebSockets.
--
-- Params:   in_node   this process
-- Returns:  one row   others   processes with a recent heartbeat that are not about to stop
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL node_leave('00000000000000e1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE node_leave(
    IN in_node CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();

    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE node SET leaving = 1 WHERE id = in_node;
    SELECT COUNT(*) AS others
    FROM node
    WHERE id <> in_node AND leaving = 0 AND suspected IS NULL AND heartbeat BETWEEN v_now - 6 AND v_now + 6;
END$$
DELIMITER ;
