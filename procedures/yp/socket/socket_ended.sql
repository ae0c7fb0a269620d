-- socket_ended: list the open sockets of a process whose session has ended, or whose account is no longer
-- active.
--
-- Params:   in_node   process
-- Returns:  rows      id
-- Errors:   none
-- Example:  CALL socket_ended('00000000000000e1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_ended(
    IN in_node VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT s.id
    FROM socket AS s
    LEFT JOIN session AS e ON e.id = s.session_id
    LEFT JOIN entity AS a ON a.id = s.uid
    WHERE s.node = in_node
      AND s.state <> 'lost'
      AND (e.id IS NULL OR e.expiry <= UNIX_TIMESTAMP() OR a.status <> 'active');
END$$
DELIMITER ;
