-- socket_set_state: set the state of a socket: idle or active. The session is not extended.
--
-- Params:   in_socket   id of the socket
--           in_active   1 active, 0 idle
-- Returns:  at most one row   uid, db_name (shard of the user)
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL socket_set_state('example-socket', 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_set_state(
    IN in_socket VARCHAR(32) COLLATE ascii_bin,
    IN in_active TINYINT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE socket SET state = IF(in_active = 1, 'active', 'idle') WHERE id = in_socket AND state <> 'lost';

    SELECT s.uid, e.db_name
    FROM socket AS s
    JOIN entity AS e ON e.id = s.uid
    WHERE s.id = in_socket;
END$$
DELIMITER ;
