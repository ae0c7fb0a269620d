-- socket_refresh: the heartbeat of a service process; it also buries the processes that stopped beating,
-- and the lost sockets whose grace is over.
--
-- A process whose heartbeat is old is first suspected, and buried only when it still does not beat some
-- seconds later: after an outage of the database every heartbeat is old, and nobody must die of that.
--
-- Params:   in_node      this process
--           in_address   host and pid, for people
--           in_stale     seconds without heartbeat after which a process is suspected
--           in_wait      seconds a suspect has to answer
--           in_grace     seconds a lost socket keeps its place
-- Returns:  per room that the dead leave: the two sets of conference_drop, or of conference_moved
--           then rows      uid, db_name   people whose sockets were freed
--           then one row   known          0: this process was unknown (new, or buried by another one)
-- Errors:   none
-- Example:  CALL socket_refresh('00000000000000e1', 'doc', 9, 6, 30);
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_refresh(
    IN in_node    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
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
    DECLARE v_dead CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;

    UPDATE node SET heartbeat = v_now, suspected = NULL WHERE id = in_node;
    SET v_known = EXISTS (SELECT 1 FROM node WHERE id = in_node);
    INSERT INTO node (id, address, ctime, heartbeat)
    VALUES (in_node, in_address, v_now, v_now)
    ON DUPLICATE KEY UPDATE heartbeat = v_now;

    UPDATE node SET suspected = v_now WHERE heartbeat + in_stale < v_now AND suspected IS NULL;

    -- one corpse a beat; whoever else comes at the same moment takes another one
    SELECT id INTO v_dead
    FROM node
    WHERE suspected + in_wait < v_now AND id <> in_node
    LIMIT 1 FOR UPDATE SKIP LOCKED;

    CALL socket_reset(v_dead, in_grace);
    SELECT v_known AS known;
END$$
DELIMITER ;
