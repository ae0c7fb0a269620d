-- socket_reset: mark the sockets of a process as lost that is dead, or about to stop, and forget the process.
--
-- A dead or frozen process counts as a pulled cable: the grace period begins with its last heartbeat. A
-- heartbeat in the future was recorded before the clock was set back; it counts as of now.
--
-- Params:   in_node    process, or NULL
--           in_grace   seconds that a lost socket keeps its seats
-- Returns:  rows       uid, db_name   users of sockets that were deleted at once, see socket_disconnect
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL socket_reset('00000000000000e1', 28);
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_reset(
    IN in_node  VARCHAR(64) COLLATE ascii_bin,
    IN in_grace INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_died INT UNSIGNED DEFAULT LEAST(v_now, COALESCE(
        (SELECT heartbeat FROM node WHERE id = in_node), v_now
    ));
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE socket AS s
    SET s.state = 'lost', s.lost_at = v_died, s.free_at = v_died + in_grace
    WHERE s.node = in_node AND s.state <> 'lost'
      AND s.uid <> 'ffffffffffffffff'
      AND (s.state <> 'idle' OR EXISTS (SELECT 1 FROM conference AS c WHERE c.socket_id = s.id));

    INSERT IGNORE INTO lost_socket (id, session_id, heard_at, lost_at, rooms)
    SELECT s.id, s.session_id, v_died, v_now, socket_rooms(s.id)
    FROM socket AS s
    WHERE s.node = in_node AND s.state = 'lost';

    SELECT DISTINCT s.uid, e.db_name
    FROM socket AS s
    JOIN entity AS e ON e.id = s.uid
    WHERE s.node = in_node AND s.state <> 'lost';

    DELETE FROM socket WHERE node = in_node AND state <> 'lost';
    DELETE FROM node WHERE id = in_node;
END$$
DELIMITER ;
