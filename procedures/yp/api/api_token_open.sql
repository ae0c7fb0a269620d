-- api_token_open: get the caller who has this token. The gate of the filemail API, as session_open is of the
-- RPC.
--
-- Params:   in_token   the token
-- Returns:  at most one row   data  JSON of caller_card; expiry; stale (1: time to call api_token_touch)
-- Errors:   none
-- Example:  CALL api_token_open('example-token');
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_token_open(
    IN in_token VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();

    SELECT c.data, t.expiry, IF(t.mtime < v_now - 300, 1, 0) AS stale
    FROM api_token AS t
    JOIN caller_card AS c ON c.uid = t.uid
    WHERE t.id = SHA2(in_token, 256) AND t.expiry > v_now AND t.mark = c.mark;
END$$
DELIMITER ;
