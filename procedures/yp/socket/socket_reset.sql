-- socket_reset: forget the sockets of a dead service process, and lost ones whose grace is over.
--
-- They leave their rooms; but who came back meanwhile through another process, with the same session, keeps his place
-- (who said which socket he had before has it already: socket_bind).
--
-- Params:   in_node    the dead process, NULL for none
--           in_grace   seconds a lost socket keeps its place
-- Returns:  per room that the sockets leave: the two sets of conference_drop, or of conference_moved
--           then rows   uid, db_name   people whose sockets were freed
-- Errors:   none
-- Example:  CALL socket_reset('00000000000000e1', 30);
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_reset(
    IN in_node  VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_grace INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_died INT UNSIGNED DEFAULT (SELECT heartbeat FROM node WHERE id = in_node);
    DECLARE v_moved LONGTEXT CHARACTER SET utf8mb4 DEFAULT '[]';
    DECLARE v_heir VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_sockets INT UNSIGNED;

    -- the sockets before their rooms, as whoever enters one does
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
            WHERE n.session_id = r.session_id AND n.node <> in_node AND n.state <> 'lost' AND n.ctime >= v_died
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

    -- unlocked: a lost one that finds its successor now is in no room any more
    FOR r IN (
        SELECT id FROM socket WHERE node = in_node OR (state = 'lost' AND lost_at + in_grace <= v_now) ORDER BY id
    ) DO
        CALL conference_drop(r.id, NULL);
    END FOR;

    SELECT DISTINCT s.uid, e.db_name
    FROM socket AS s
    JOIN entity AS e ON e.id = s.uid
    WHERE s.node = in_node OR (s.state = 'lost' AND s.lost_at + in_grace <= v_now);

    DELETE FROM socket WHERE node = in_node OR (state = 'lost' AND lost_at + in_grace <= v_now);
    DELETE FROM node WHERE id = in_node;
END$$
DELIMITER ;
