-- socket_expire: delete lost WebSockets whose grace period is over. They leave their rooms.
--
-- Sockets that another process is deleting are left to it. One that cannot be deleted does not keep the
-- others for ever: the order is random. One that was lost in the future is ended as well: the clock was set
-- back since.
--
-- Params:   in_limit     sockets at most; the next call finds the others
-- Returns:  per room that the sockets leave: the two sets of conference_drop
--           then rows    uid, db_name (shard of the user; NULL for a guest), one for each socket
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL socket_expire(100);
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_expire(
    IN in_limit INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_ended LONGTEXT COLLATE utf8mb4_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- the sockets are locked before their rooms, as by a socket that enters one
    -- lock only: the same rows are deleted below
    SELECT COALESCE(JSON_ARRAYAGG(e.id), '[]') INTO v_ended
    FROM (
        SELECT s.id
        FROM socket AS s
        WHERE s.state = 'lost'
          AND (
            s.free_at <= v_now
            OR s.lost_at > v_now + 60
            -- marked by a process of the version before
            OR (s.free_at IS NULL AND s.lost_at + 30 <= v_now)
          )
        ORDER BY RAND()
        LIMIT in_limit
        FOR UPDATE SKIP LOCKED
    ) AS e;

    -- unlocked: the sockets are locked above
    FOR r IN (
        SELECT c.hub_id, c.room_id, c.socket_id
        FROM JSON_TABLE(v_ended, '$[*]' COLUMNS (id VARCHAR(32) COLLATE ascii_bin PATH '$')) AS j
        JOIN conference AS c ON c.socket_id = j.id
        ORDER BY c.hub_id, c.room_id, c.socket_id
    ) DO
        CALL conference_vacate(r.socket_id, r.room_id, 1);
    END FOR;

    SELECT s.uid, e.db_name
    FROM JSON_TABLE(v_ended, '$[*]' COLUMNS (id VARCHAR(32) COLLATE ascii_bin PATH '$')) AS j
    JOIN socket AS s ON s.id = j.id
    LEFT JOIN entity AS e ON e.id = s.uid;

    DELETE s
    FROM JSON_TABLE(v_ended, '$[*]' COLUMNS (id VARCHAR(32) COLLATE ascii_bin PATH '$')) AS j
    JOIN socket AS s ON s.id = j.id;
END$$
DELIMITER ;
