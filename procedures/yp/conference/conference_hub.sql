-- conference_hub: find the hub of a room in which a socket of a session is, or at the door of which it waits.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket of the caller
--           in_room     room
-- Returns:  a value     the hub; NULL: the socket is not there
-- Errors:   none
-- Example:  SELECT conference_hub('example-sid', 'example-socket', '00000000000000f2');
DELIMITER $$
CREATE OR REPLACE FUNCTION conference_hub(
    in_sid    VARCHAR(128) COLLATE ascii_bin,
    in_socket VARCHAR(64) COLLATE ascii_bin,
    in_room   VARCHAR(64) COLLATE ascii_bin
)
    RETURNS CHAR(16) COLLATE ascii_bin
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    RETURN (
        SELECT c.hub_id
        FROM conference AS c
        JOIN socket AS s ON s.id = c.socket_id AND s.session_id = SHA2(in_sid, 256)
        WHERE c.room_id = in_room AND c.socket_id = in_socket
    );
END$$
DELIMITER ;
