-- socket_disconnect: mark WebSockets as lost whose connections broke. Each keeps its row, and its seats in
-- rooms, for the rest of its grace period; socket_expire ends it.
--
-- Idle sockets outside of rooms, and those of visitors, are deleted at once: nothing is pushed to them. A
-- socket that is lost already keeps the time when it was lost, and its grace period is never shortened.
--
-- Params:   in_sockets   JSON array of {id, silent (seconds since the last frame of the client), broken
--                        (seconds since the connection ended or, when it ended because the client was silent,
--                        as silent, which is the default), rest (seconds of grace that are left)}
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL socket_disconnect('[{"id": "example-socket", "silent": 9, "broken": 2, "rest": 26}]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_disconnect(
    IN in_sockets LONGTEXT COLLATE utf8mb4_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE socket AS s
    JOIN JSON_TABLE(in_sockets, '$[*]' COLUMNS (
        id VARCHAR(32) COLLATE ascii_bin PATH '$.id',
        silent INT UNSIGNED PATH '$.silent',
        broken INT UNSIGNED PATH '$.broken',
        rest INT UNSIGNED PATH '$.rest'
    )) AS j ON j.id = s.id
    -- processes of the version before do not say when the connection ended
    SET s.lost_at = COALESCE(s.lost_at, v_now - COALESCE(j.broken, j.silent)), s.state = 'lost',
        s.free_at = GREATEST(COALESCE(s.free_at, 0), v_now + j.rest)
    WHERE s.uid <> 'ffffffffffffffff'
      AND (s.state <> 'idle' OR EXISTS (SELECT 1 FROM conference AS c WHERE c.socket_id = s.id));

    INSERT IGNORE INTO lost_socket (id, session_id, heard_at, lost_at, rooms)
    SELECT s.id, s.session_id, v_now - j.silent, v_now, socket_rooms(s.id)
    FROM JSON_TABLE(in_sockets, '$[*]' COLUMNS (
        id VARCHAR(32) COLLATE ascii_bin PATH '$.id',
        silent INT UNSIGNED PATH '$.silent'
    )) AS j
    JOIN socket AS s ON s.id = j.id AND s.state = 'lost';

    DELETE s
    FROM JSON_TABLE(in_sockets, '$[*]' COLUMNS (id VARCHAR(32) COLLATE ascii_bin PATH '$.id')) AS j
    JOIN socket AS s ON s.id = j.id AND s.state <> 'lost';
END$$
DELIMITER ;
