-- socket_lose: mark a WebSocket as lost. In a room it keeps its seat for the grace period; elsewhere it is
-- deleted at once.
--
-- Params:   in_socket   id of the socket
-- Returns:  at most one row   uid, db_name (shard of the user), has_seat (1: it waits in a room)
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL socket_lose('example-socket');
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_lose(
    IN in_socket VARCHAR(32) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_uid CHAR(16) COLLATE ascii_bin;
    DECLARE v_has_seat TINYINT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT uid INTO v_uid FROM socket WHERE id = in_socket FOR UPDATE;
    SET v_has_seat = IF(EXISTS (SELECT 1 FROM conference WHERE socket_id = in_socket), 1, 0);

    IF v_has_seat = 1 THEN
        UPDATE socket SET state = 'lost', lost_at = UNIX_TIMESTAMP() WHERE id = in_socket;
    ELSE
        DELETE FROM socket WHERE id = in_socket;
    END IF;

    SELECT v_uid AS uid, e.db_name, v_has_seat AS has_seat
    FROM (SELECT 1) AS one
    LEFT JOIN entity AS e ON e.id = v_uid
    WHERE v_uid IS NOT NULL;
END$$
DELIMITER ;
