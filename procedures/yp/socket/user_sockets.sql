-- user_sockets: list the sockets of a user, open or lost, by process (socket_route).
--
-- Params:   in_uid       user
--           in_exclude   socket to leave out, or NULL
-- Returns:  rows         node, sockets (JSON array of one id)
-- Errors:   none
-- Example:  CALL user_sockets('00000000000000a1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE user_sockets(
    IN in_uid     VARCHAR(64) COLLATE ascii_bin,
    IN in_exclude VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    -- Repeats socket_route: the optimizer would weigh three indexes at each call, which takes as long again
    SELECT IF(s.state = 'lost', '', s.node) AS node, JSON_ARRAY(s.id) AS sockets
    FROM socket AS s FORCE INDEX (by_uid)
    WHERE s.uid = in_uid AND s.state <> 'idle' AND s.id <> COALESCE(in_exclude, '')
      -- visitors are not one person
      AND s.uid <> 'ffffffffffffffff';
END$$
DELIMITER ;
