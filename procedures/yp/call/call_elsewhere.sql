-- call_elsewhere: has another socket of the callee picked up a call?
--
-- That socket must be open, and in the room or about to enter it: a call that was answered by a page which
-- has vanished since can be answered again.
--
-- Params:   in_hub          hub of the room
--           in_room         room of the call, locked by the caller
--           in_callee       uid of the callee
--           in_socket       socket that wants to pick up
--           out_elsewhere   1 or 0
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL call_elsewhere('00000000000000f1', '00000000000000f2', '00000000000000b1',
--           'example-socket', @elsewhere);
DELIMITER $$
CREATE OR REPLACE PROCEDURE call_elsewhere(
    IN in_hub         CHAR(16) COLLATE ascii_bin,
    IN in_room        VARCHAR(64) COLLATE ascii_bin,
    IN in_callee      CHAR(16) COLLATE ascii_bin,
    IN in_socket      VARCHAR(64) COLLATE ascii_bin,
    OUT out_elsewhere TINYINT
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_enter_seconds INT UNSIGNED DEFAULT 30;

    SET out_elsewhere = IF(EXISTS (
        SELECT 1
        FROM call_invitation AS i
        JOIN conference_room AS r ON r.hub_id = i.hub_id AND r.id = i.room_id AND r.type = 'connect'
        JOIN socket AS s ON s.id = i.answered_socket AND s.state <> 'lost'
        WHERE i.hub_id = in_hub AND i.room_id = in_room AND i.callee_id = in_callee
          AND i.status = 'accepted'
          AND s.id <> in_socket
          AND (
            i.mtime > UNIX_TIMESTAMP() - v_enter_seconds
            OR EXISTS (SELECT 1 FROM conference AS c WHERE c.room_id = i.room_id AND c.socket_id = s.id)
          )
    ), 1, 0);
END$$
DELIMITER ;
