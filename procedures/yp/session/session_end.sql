-- session_end: end sessions. Their sockets leave their rooms and are deleted.
--
-- Params:   in_sessions   JSON array of ids (session.id); ids that do not exist are ignored
-- Returns:  per room that the sockets leave: the two sets of conference_drop
--           then rows     node, sockets  sockets of these sessions, to be closed
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL session_end(JSON_ARRAY(SHA2('example-sid', 256)));
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_end(
    IN in_sessions LONGTEXT COLLATE utf8mb4_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_sockets LONGTEXT COLLATE utf8mb4_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- the sockets are locked before their rooms, as by a socket that enters one
    SELECT COALESCE(JSON_ARRAYAGG(s.id), '[]') INTO v_sockets
    FROM JSON_TABLE(in_sessions, '$[*]' COLUMNS (id CHAR(64) COLLATE ascii_bin PATH '$')) AS j
    JOIN socket AS s ON s.session_id = j.id
    FOR UPDATE;

    FOR r IN (
        SELECT j.id
        FROM JSON_TABLE(v_sockets, '$[*]' COLUMNS (id VARCHAR(32) COLLATE ascii_bin PATH '$')) AS j
        ORDER BY j.id
    ) DO
        CALL conference_drop(r.id, NULL);
    END FOR;

    -- unlocked: they are locked above
    SELECT s.node, JSON_ARRAYAGG(s.id) AS sockets
    FROM JSON_TABLE(v_sockets, '$[*]' COLUMNS (id VARCHAR(32) COLLATE ascii_bin PATH '$')) AS j
    JOIN socket AS s ON s.id = j.id
    GROUP BY s.node;

    DELETE s
    FROM JSON_TABLE(v_sockets, '$[*]' COLUMNS (id VARCHAR(32) COLLATE ascii_bin PATH '$')) AS j
    JOIN socket AS s ON s.id = j.id;
    DELETE a
    FROM JSON_TABLE(in_sessions, '$[*]' COLUMNS (id CHAR(64) COLLATE ascii_bin PATH '$')) AS j
    JOIN authn AS a ON a.session_id = j.id;
    DELETE s
    FROM JSON_TABLE(in_sessions, '$[*]' COLUMNS (id CHAR(64) COLLATE ascii_bin PATH '$')) AS j
    JOIN session AS s ON s.id = j.id;
END$$
DELIMITER ;
