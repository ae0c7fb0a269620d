-- socket_get: where an open socket of a person is, to push to that one alone.
--
-- Params:   in_uid      whose it must be
--           in_socket   the socket
-- Returns:  at most one row   node, sockets (JSON array with the socket)
-- Errors:   none
-- Example:  CALL socket_get('00000000000000a1', 'Yk3v9QmZ2x');
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_get(
    IN in_uid    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_socket VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT s.node, JSON_ARRAY(s.id) AS sockets
    FROM socket AS s
    WHERE s.id = in_socket AND s.uid = in_uid AND s.state = 'active';
END$$
DELIMITER ;
