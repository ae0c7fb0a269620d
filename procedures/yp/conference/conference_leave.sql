-- conference_leave: leave a room with a socket of the caller. Nothing happens when the socket is not in the
-- room.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket that leaves, or the lost one whose seat it took over
--           in_room     room
-- Returns:  the two sets of conference_drop
--           rows        data  JSON: attendee rows of those who stay; none for who has only waited
--           nothing when the socket was not in the room
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_leave('example-sid', 'example-socket', '00000000000000f2');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_leave(
    IN in_sid    VARCHAR(128) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_socket VARCHAR(32) COLLATE ascii_bin;
    DECLARE v_hub CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT s.id, IF(c.status = 'started', c.hub_id, NULL) INTO v_socket, v_hub
    FROM socket AS s
    JOIN conference AS c ON c.socket_id = s.id AND c.room_id = in_room
    WHERE s.session_id = SHA2(in_sid, 256) AND (s.id = in_socket OR s.was = in_socket)
    LIMIT 1;

    IF v_socket IS NOT NULL THEN
        CALL conference_drop(v_socket, in_room);
        SELECT o.data
        FROM attendee_card AS o
        WHERE o.hub_id = v_hub AND o.room_id = in_room AND o.status = 'started'
        ORDER BY o.ctime, o.socket_id;
    END IF;
END$$
DELIMITER ;
