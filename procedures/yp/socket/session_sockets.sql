-- session_sockets: list the open sockets of a session, with the processes that hold them.
--
-- Params:   in_sid   value of the session cookie
-- Returns:  rows     node, sockets (JSON array)
-- Errors:   none
-- Example:  CALL session_sockets('example-sid');
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_sockets(
    IN in_sid VARCHAR(128) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT node, JSON_ARRAYAGG(id) AS sockets
    FROM socket
    WHERE session_id = SHA2(in_sid, 256) AND state <> 'lost'
    GROUP BY node;
END$$
DELIMITER ;
