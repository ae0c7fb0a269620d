-- session_list: list the sessions and other sign-ins of a user, the last used first.
--
-- Params:   in_uid      user
--           in_current  id of the sign-in that asks, as in the answer, or NULL
-- Returns:  rows        data  JSON: id (16 hexadecimal digits), kind (browser; rest, a sign-in to /api/v1;
--                       token, one of the login-token API), ua, address, ctime, mtime (last use, within five
--                       minutes), expiry, current (1: it asks)
-- Errors:   none
-- Example:  CALL session_list('00000000000000a1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_list(
    IN in_uid     CHAR(16) COLLATE ascii_bin,
    IN in_current CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT(
        'id', s.id, 'kind', s.kind, 'ua', s.ua, 'address', s.address, 'ctime', s.ctime, 'mtime', s.mtime,
        'expiry', s.expiry, 'current', IF(s.id <=> in_current, 1, 0)
    ) AS data
    FROM sign_in AS s
    WHERE s.uid = in_uid AND s.expiry > UNIX_TIMESTAMP()
    ORDER BY s.mtime DESC, s.id;
END$$
DELIMITER ;
