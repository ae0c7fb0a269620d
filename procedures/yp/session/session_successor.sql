-- session_successor: find the session of a guest that has replaced that of a visitor within the last ten
-- seconds. Other tabs of the same browser still send the former session id until they get the new one.
--
-- Params:   in_successor   session id that replaces the visitor's; the service derives it with its secret
--           in_ua          user agent
--           in_address     address of the caller
-- Returns:  a value        id (session.id), or NULL: no such session, an older one, or another browser's.
--                          A session id of a visitor that somebody else knows opens nothing later.
-- Errors:   none
-- Example:  SELECT session_successor('example-successor', 'doc', '127.0.0.1');
DELIMITER $$
CREATE OR REPLACE FUNCTION session_successor(
    in_successor VARCHAR(128) COLLATE ascii_bin,
    in_ua        VARCHAR(255),
    in_address   VARCHAR(45)
)
    RETURNS CHAR(64) COLLATE ascii_bin
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();

    RETURN (
        SELECT s.id
        FROM session AS s
        WHERE s.id = SHA2(in_successor, 256)
          AND s.expiry > v_now
          AND s.ctime >= v_now - 10
          AND s.ua = in_ua
          AND s.address = in_address
    );
END$$
DELIMITER ;
