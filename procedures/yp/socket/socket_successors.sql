-- socket_successors: find the WebSockets with which tabs have come back after their process closed the former
-- ones.
--
-- Params:   in_sockets   JSON array of closed sockets
-- Returns:  rows   was        closed socket
--                  node       process of its successor
--                  sockets    JSON array with the id of the successor
-- Errors:   none
-- Example:  CALL socket_successors('["example-socket"]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_successors(
    IN in_sockets LONGTEXT
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT s.was, s.node, JSON_ARRAY(s.id) AS sockets
    FROM JSON_TABLE(in_sockets, '$[*]' COLUMNS (
        id VARCHAR(32) COLLATE ascii_bin PATH '$'
    )) AS j
    JOIN socket AS s ON s.was = j.id;
END$$
DELIMITER ;
