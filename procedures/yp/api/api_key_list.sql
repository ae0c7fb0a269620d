-- api_key_list: the keys of a person, or all, the oldest first. A key itself is stored nowhere.
--
-- Params:   in_uid   the person; NULL: everybody
-- Returns:  rows     data  JSON: id, uid (whose key), prefix (how the key begins), scope, label, created_at,
--                          last_used_at (unix seconds; NULL: never)
--                    email  whose key
-- Errors:   none
-- Example:  CALL api_key_list('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_key_list(
    IN in_uid CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT
        JSON_OBJECT(
            'id', k.id, 'uid', k.uid, 'prefix', k.hint, 'scope', k.scope, 'label', k.label, 'created_at', k.ctime,
            'last_used_at', NULLIF(k.mtime, 0)
        ) AS data,
        d.email
    FROM api_key AS k
    JOIN drumate AS d ON d.id = k.uid
    WHERE in_uid IS NULL OR k.uid = in_uid
    ORDER BY k.ctime, k.id;
END$$
DELIMITER ;
