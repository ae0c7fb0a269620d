-- api_token_open: who is calling with this token. The gate of the API that it opens, as session_open is of the RPC.
--
-- Params:   in_token   the token
-- Returns:  at most one row   data  JSON with the keys of session_open, the person's own entity being the hub;
--                             stale (1: time to call api_token_touch)
-- Errors:   none
-- Example:  CALL api_token_open('example-token');
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_token_open(
    IN in_token VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();

    SELECT JSON_OBJECT(
        'uid', d.id,
        'signed_in', 1,
        'stale', IF(t.mtime < v_now - 300, 1, 0),
        'expiry', t.expiry,
        'dom_id', d.domain_id,
        'db', e.db_name,
        'firstname', d.firstname,
        'lastname', d.lastname,
        'fullname', d.fullname,
        'username', d.username,
        'email', d.email,
        'lang', d.lang,
        'guest_name', NULL,
        'hub', e.id,
        'area', e.area,
        'hub_db', e.db_name,
        'hub_owner', e.id,
        'level', 7,
        'moving', IF(EXISTS (
            SELECT 1 FROM entity_move AS m WHERE m.entity_id = e.id AND m.until > v_now
        ), 1, 0)
    ) AS data
    FROM api_token AS t
    JOIN drumate AS d ON d.id = t.uid
    JOIN entity AS e ON e.id = d.id AND e.status = 'active'
    WHERE t.id = SHA2(in_token, 256) AND t.expiry > v_now AND t.mark = CONVERT(SHA2(d.password_hash, 256) USING ascii);
END$$
DELIMITER ;
