-- socket_get: find the process of one socket of a user, to push to that socket alone (socket_route).
--
-- Params:   in_uid      user of the socket
--           in_socket   socket
-- Returns:  at most one row   node, sockets (JSON array with the socket)
-- Errors:   none
-- Example:  CALL socket_get('00000000000000a1', 'Yk3v9QmZ2x');
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_get(
    IN in_uid    VARCHAR(64) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT s.node, JSON_ARRAY(s.id) AS sockets
    FROM socket_route AS s
    WHERE s.id = in_socket AND s.uid = in_uid AND s.state <> 'idle';
END$$
DELIMITER ;
