-- socket_reset: delete the sockets of a dead process, and lost sockets after their grace period.
--
-- They leave their rooms. Users who came back meanwhile through another process, with the same session, keep
-- their seats; a socket that named its predecessor has them already (socket_bind). When a
-- socket was lost in the future, because the clock was set back since, its grace period has ended.
--
-- Params:   in_node    dead process, or NULL
--           in_grace   seconds a lost socket keeps its seat
-- Returns:  per room that the sockets leave: the two sets of conference_drop, or of conference_moved
--           then rows   uid, db_name   users whose sockets were deleted
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL socket_reset('00000000000000e1', 30);
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_reset(
    IN in_node  VARCHAR(64) COLLATE ascii_bin,
    IN in_grace INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_oldest INT UNSIGNED DEFAULT v_now - in_grace + 1;
    DECLARE v_newest INT UNSIGNED DEFAULT v_now + in_grace;
    DECLARE v_died INT UNSIGNED DEFAULT (SELECT heartbeat FROM node WHERE id = in_node);
    DECLARE v_moved LONGTEXT DEFAULT '[]';
    DECLARE v_heir VARCHAR(32) COLLATE ascii_bin;
    DECLARE v_sockets INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- the sockets are locked before their rooms, as by a socket that enters one
    SELECT COUNT(*) INTO v_sockets FROM socket WHERE node = in_node FOR UPDATE;

    -- unlocked: they are locked above
    FOR r IN (
        SELECT DISTINCT s.id, s.session_id
        FROM socket AS s
        JOIN conference AS c ON c.socket_id = s.id
        WHERE s.node = in_node AND s.state <> 'lost'
        ORDER BY s.id
    ) DO
        SET v_heir = (
            SELECT n.id FROM socket AS n
            WHERE n.session_id = r.session_id AND n.node <> in_node AND n.state <> 'lost'
              AND n.ctime >= v_died
              AND n.was IS NULL
              AND NOT EXISTS (SELECT 1 FROM conference AS c WHERE c.socket_id = n.id)
            ORDER BY n.ctime, n.id
            LIMIT 1
        );
        IF v_heir IS NOT NULL THEN
            CALL conference_move(r.id, v_heir);
            SET v_moved = JSON_ARRAY_APPEND(v_moved, '$', v_heir);
        END IF;
    END FOR;
    CALL conference_moved(v_moved);

    -- unlocked: a lost socket that finds its successor now is no longer in a room
    FOR r IN (
        SELECT id FROM socket
        WHERE node = in_node OR (state = 'lost' AND lost_at NOT BETWEEN v_oldest AND v_newest)
        ORDER BY id
    ) DO
        CALL conference_drop(r.id, NULL);
    END FOR;

    SELECT DISTINCT s.uid, e.db_name
    FROM socket AS s
    JOIN entity AS e ON e.id = s.uid
    WHERE s.node = in_node OR (s.state = 'lost' AND s.lost_at NOT BETWEEN v_oldest AND v_newest);

    DELETE FROM socket WHERE node = in_node OR (state = 'lost' AND lost_at NOT BETWEEN v_oldest AND v_newest);
    DELETE FROM node WHERE id = in_node;
END$$
DELIMITER ;
