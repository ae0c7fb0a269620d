-- api_key_list: list the keys of a user, or all, the oldest first. The keys themselves are not stored.
--
-- Params:   in_uid   user; NULL: all users
-- Returns:  rows     data  JSON: id, uid (of the owner), prefix (start of the key), scope, label, created_at,
--                          last_used_at (unix seconds; NULL: never)
--                    email  of the owner
-- Errors:   none
-- Example:  CALL api_key_list('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_key_list(
    IN in_uid CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT
        JSON_OBJECT(
            'id', k.id, 'uid', k.uid, 'prefix', k.hint, 'scope', k.scope, 'label', k.label,
            'created_at', k.ctime, 'last_used_at', NULLIF(k.mtime, 0)
        ) AS data,
        d.email
    FROM api_key AS k
    JOIN drumate AS d ON d.id = k.uid
    WHERE in_uid IS NULL OR k.uid = in_uid
    -- of the same second, keys of programs first
    ORDER BY k.ctime, k.scope, k.id;
END$$
DELIMITER ;
