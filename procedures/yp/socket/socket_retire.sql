-- socket_retire: retire a process. Its sockets in rooms keep their seats until their clients reach another
-- process, or the grace period ends.
--
-- Params:   in_node   process
-- Returns:  rows      uid, db_name   users whose sockets were deleted
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL socket_retire('00000000000000e1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_retire(
    IN in_node VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT DISTINCT s.uid, e.db_name
    FROM socket AS s
    JOIN entity AS e ON e.id = s.uid
    WHERE s.node = in_node AND s.state <> 'lost';

    UPDATE socket AS s
    SET s.state = 'lost', s.lost_at = UNIX_TIMESTAMP()
    WHERE s.node = in_node AND s.state <> 'lost'
      AND EXISTS (SELECT 1 FROM conference AS c WHERE c.socket_id = s.id);
    DELETE FROM socket WHERE node = in_node AND state <> 'lost';
    DELETE FROM node WHERE id = in_node;
END$$
DELIMITER ;
