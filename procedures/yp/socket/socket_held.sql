-- socket_held: list the sockets that a process holds, by the registry. The process records those as lost that
-- it does not know: their commit came after it had given up the answer.
--
-- Params:   in_node      process
--           in_seconds   age of a socket at least
-- Returns:  rows         id
-- Errors:   none
-- Example:  CALL socket_held('00000000000000e1', 60);
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_held(
    IN in_node    VARCHAR(64) COLLATE ascii_bin,
    IN in_seconds INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT id
    FROM socket
    WHERE node = in_node AND state <> 'lost' AND ctime + in_seconds <= UNIX_TIMESTAMP();
END$$
DELIMITER ;
