-- socket_free: delete a WebSocket that has closed. It leaves its rooms.
--
-- Params:   in_socket   id of the socket
-- Returns:  per room that it leaves: the two sets of conference_drop
--           then at most one row   uid, db_name (shard of the user)
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL socket_free('example-socket');
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_free(
    IN in_socket VARCHAR(32) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_uid CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- the socket is locked before its rooms, as by a socket that enters one
    SELECT uid INTO v_uid FROM socket WHERE id = in_socket FOR UPDATE;
    CALL conference_drop(in_socket, NULL);
    DELETE FROM socket WHERE id = in_socket;

    SELECT e.id AS uid, e.db_name FROM entity AS e WHERE e.id = v_uid;
END$$
DELIMITER ;
