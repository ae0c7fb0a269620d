-- app_password_open: get the caller who has this app password. The gate of CardDAV.
--
-- Keys of other scopes do not open it, and its keys open no other API.
--
-- Params:   in_email   email address of the user, as it is stored
--           in_key     the app password
-- Returns:  at most one row   data   JSON of caller_card
--                             stale  1: time to call api_key_touch
-- Errors:   none
-- Example:  CALL app_password_open('alice@example.org', 'clk_example_phone');
DELIMITER $$
CREATE OR REPLACE PROCEDURE app_password_open(
    IN in_email VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_key   VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();

    SELECT c.data, IF(k.mtime < v_now - 300, 1, 0) AS stale
    FROM api_key AS k
    JOIN drumate AS d ON d.id = k.uid AND d.email = in_email
    JOIN caller_card AS c ON c.uid = k.uid
    WHERE k.hash = SHA2(in_key, 256) AND k.scope = 'carddav';
END$$
DELIMITER ;
