-- socket_free: a WebSocket is gone: it leaves its rooms and is forgotten.
--
-- Params:   in_socket   id of the socket
-- Returns:  per room that it leaves: the two sets of conference_drop
--           then at most one row   uid, db_name (his shard)
-- Errors:   none
-- Example:  CALL socket_free('example-socket');
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_free(
    IN in_socket VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_uid CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;

    -- the socket before its rooms, as whoever enters one does
    SELECT uid INTO v_uid FROM socket WHERE id = in_socket FOR UPDATE;
    CALL conference_drop(in_socket, NULL);
    DELETE FROM socket WHERE id = in_socket;

    SELECT e.id AS uid, e.db_name FROM entity AS e WHERE e.id = v_uid;
END$$
DELIMITER ;
