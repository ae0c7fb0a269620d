-- socket_reset: forget a service process and all its sockets; they leave their rooms.
--
-- Params:   in_node   the process, NULL for none
-- Returns:  per room that its sockets leave: the two sets of conference_drop
--           then rows   uid, db_name   people whose sockets were freed
-- Errors:   none
-- Example:  CALL socket_reset('00000000000000e1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_reset(
    IN in_node VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    FOR r IN (
        SELECT DISTINCT c.socket_id
        FROM socket AS s
        JOIN conference AS c ON c.socket_id = s.id
        WHERE s.node = in_node
        ORDER BY c.socket_id
    ) DO
        CALL conference_drop(r.socket_id, NULL);
    END FOR;

    SELECT DISTINCT s.uid, e.db_name
    FROM socket AS s
    JOIN entity AS e ON e.id = s.uid
    WHERE s.node = in_node;

    DELETE FROM socket WHERE node = in_node;
    DELETE FROM node WHERE id = in_node;
END$$
DELIMITER ;
