-- conference_leave: a socket of the caller leaves a room. Leaving a room twice, or one never entered, is nothing.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket that leaves, or the lost one whose place it took
--           in_room     room
-- Returns:  the two sets of conference_drop when it was in the room, else nothing
-- Errors:   none
-- Example:  CALL conference_leave('example-sid', 'example-socket', '00000000000000f2');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_leave(
    IN in_sid    VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_socket VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_room   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_socket VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin;

    SELECT id INTO v_socket
    FROM socket
    WHERE session_id = SHA2(in_sid, 256) AND (id = in_socket OR was = in_socket)
    LIMIT 1;

    IF v_socket IS NOT NULL THEN
        CALL conference_drop(v_socket, in_room);
    END IF;
END$$
DELIMITER ;
