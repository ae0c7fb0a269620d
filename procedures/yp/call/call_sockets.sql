-- call_sockets: list the sockets that are notified when a call is answered or over: that of the caller, and
-- those of the callee.
--
-- A socket of the callee that is in another call is left out: the frontend would close that call.
--
-- Params:   in_hub      hub of the room
--           in_room     room of the call
--           in_callee   uid of the callee, or NULL
--           in_caller   socket of the caller, or NULL
--           in_socket   socket to leave out, or NULL
-- Returns:  rows        node, sockets (JSON array of ids)
-- Errors:   none
-- Example:  CALL call_sockets('00000000000000f1', '00000000000000f2', '00000000000000b1', 'example-caller',
--           'example-socket');
DELIMITER $$
CREATE OR REPLACE PROCEDURE call_sockets(
    IN in_hub    CHAR(16) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_callee CHAR(16) COLLATE ascii_bin,
    IN in_caller VARCHAR(64) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT r.node, JSON_ARRAYAGG(r.id) AS sockets
    FROM (
        SELECT s.id, s.node
        FROM socket_route AS s
        WHERE s.uid = in_callee AND s.state <> 'idle'
          AND NOT EXISTS (
            SELECT 1 FROM conference AS c
            WHERE c.socket_id = s.id AND c.type = 'connect' AND (c.hub_id <> in_hub OR c.room_id <> in_room)
          )
        UNION
        SELECT s.id, s.node FROM socket_route AS s WHERE s.id = in_caller
    ) AS r
    WHERE r.id <> COALESCE(in_socket, '')
    GROUP BY r.node;
END$$
DELIMITER ;
