-- home_set: agree on another home node, unless the processes have done so meanwhile.
--
-- Callers:  the probe of each service process (service/store/nodes.py)
-- Params:   in_node    what the server calls itself, name:port
--           in_epoch   number of the agreement that the caller knows; 0: none
-- Returns:  one row    epoch, node: the agreement that holds now
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL home_set('db2:3306', 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE home_set(
    IN in_node  VARCHAR(255),
    IN in_epoch INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT INTO home (id, epoch, node, ctime) VALUES (1, 1, in_node, UNIX_TIMESTAMP())
    ON DUPLICATE KEY UPDATE
        node = IF(epoch = in_epoch, in_node, node),
        ctime = IF(epoch = in_epoch, UNIX_TIMESTAMP(), ctime),
        -- last: the assignments above compare it
        epoch = IF(epoch = in_epoch, epoch + 1, epoch);
    SELECT epoch, node FROM home WHERE id = 1;
END$$
DELIMITER ;
