-- socket_user: get the user of an open socket, who changes when a visitor signs in or opens a guest link.
--
-- Params:   in_socket        socket
-- Returns:  at most one row  data  JSON: uid, db (shard of the user; NULL for a guest), session (its hash),
--                                  user (session_card); no row when the session has ended
-- Errors:   none
-- Example:  CALL socket_user('Yk3v9QmZ2x');
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_user(
    IN in_socket VARCHAR(32) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT(
        'uid', k.uid, 'db', k.db_name, 'session', k.id, 'user', JSON_COMPACT(k.user)
    ) AS data
    FROM socket AS s
    JOIN session_card AS k ON k.id = s.session_id
    WHERE s.id = in_socket;
END$$
DELIMITER ;
