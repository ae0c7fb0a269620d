-- socket_refresh: record the heartbeat of a process, and remove a process without one: its sockets are lost
-- from then on (socket_reset).
--
-- A process whose heartbeat is old is suspected first, and removed only when it still has no heartbeat some
-- seconds later: after an outage of the database every heartbeat is old, and no process may be removed
-- because of that. A heartbeat or a suspicion that lies in the future was recorded before the clock was set
-- back. It counts as old, or as of now: else a process that has died since would stay until the clock has
-- caught up.
--
-- Params:   in_node      this process
--           in_address   host and pid, for operators
--           in_stale     seconds without heartbeat after which a process is suspected
--           in_wait      seconds until a suspect is removed
--           in_grace     seconds that a lost socket keeps its seats, from that heartbeat on
-- Returns:  rows           uid, db_name   users of sockets that were deleted
--           then one row   known, ctime   0: this process was unknown (new, or removed by another one);
--                                         ctime: when it became known, in case the answer to that
--                                         heartbeat was lost
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL socket_refresh('00000000000000e1', 'doc', 9, 6, 30);
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_refresh(
    IN in_node    VARCHAR(64) COLLATE ascii_bin,
    IN in_address VARCHAR(255),
    IN in_stale   INT UNSIGNED,
    IN in_wait    INT UNSIGNED,
    IN in_grace   INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_known TINYINT;
    DECLARE v_dead CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE node SET heartbeat = v_now, suspected = NULL WHERE id = in_node;
    SET v_known = EXISTS (SELECT 1 FROM node WHERE id = in_node);
    INSERT INTO node (id, address, ctime, heartbeat)
    VALUES (in_node, in_address, v_now, v_now)
    ON DUPLICATE KEY UPDATE heartbeat = v_now;

    UPDATE node SET suspected = v_now
    WHERE heartbeat NOT BETWEEN v_now - in_stale AND v_now + in_stale
      AND (suspected IS NULL OR suspected > v_now);

    -- one dead process for each heartbeat; a concurrent call takes another one
    SELECT id INTO v_dead
    FROM node
    WHERE suspected + in_wait < v_now AND id <> in_node
    LIMIT 1 FOR UPDATE SKIP LOCKED;

    CALL socket_reset(v_dead, in_grace);
    SELECT v_known AS known, ctime FROM node WHERE id = in_node;
END$$
DELIMITER ;
