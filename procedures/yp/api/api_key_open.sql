-- api_key_open: get the caller who has this key. The gate of /api/v1 for programs.
--
-- A key of scope agent acts for its owner, whatever in_user says; a key of scope system or sync acts for the
-- user that in_user names. A key of scope carddav does not open it: see app_password_open.
--
-- Params:   in_key    the key
--           in_user   user to act for, or NULL
-- Returns:  at most one row   data   JSON of caller_card; NULL when in_user is needed and unknown
--                             stale  1: time to call api_key_touch
--                             scope  agent, system or sync
-- Errors:   none
-- Example:  CALL api_key_open('clk_example', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_key_open(
    IN in_key  VARCHAR(64) COLLATE ascii_bin,
    IN in_user CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();

    SELECT c.data, IF(k.mtime < v_now - 300, 1, 0) AS stale, k.scope
    FROM api_key AS k
    JOIN entity AS o ON o.id = k.uid AND o.status = 'active'
    LEFT JOIN caller_card AS c ON c.uid = IF(k.scope = 'agent', k.uid, in_user)
    WHERE k.hash = SHA2(in_key, 256) AND k.scope <> 'carddav';
END$$
DELIMITER ;
