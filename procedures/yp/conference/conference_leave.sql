-- conference_leave: leave a room with a socket of the caller. Nothing happens when the socket is not in the
-- room.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket that leaves, or the lost one whose seat it took over
--           in_room     room
-- Returns:  the two sets of conference_unseat
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
    DECLARE v_left INT UNSIGNED;
    DECLARE v_status VARCHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT s.id, c.hub_id, c.status INTO v_socket, v_hub, v_status
    FROM socket AS s
    JOIN conference AS c ON c.room_id = in_room AND c.socket_id = s.id
    WHERE s.id = in_socket AND s.session_id = SHA2(in_sid, 256);
    IF v_socket IS NULL THEN
        SELECT s.id, c.hub_id, c.status INTO v_socket, v_hub, v_status
        FROM socket AS s
        JOIN conference AS c ON c.room_id = in_room AND c.socket_id = s.id
        WHERE s.was = in_socket AND s.session_id = SHA2(in_sid, 256)
        LIMIT 1;
    END IF;

    IF v_socket IS NOT NULL THEN
        CALL conference_unseat(v_hub, in_room, v_socket, 0, v_left);
        IF v_left > 0 AND v_status = 'started' THEN
            SELECT o.data
            FROM attendee_card AS o
            WHERE o.hub_id = v_hub AND o.room_id = in_room AND o.status = 'started'
            ORDER BY o.ctime, o.socket_id;
        ELSE
            SELECT '' AS data FROM DUAL WHERE FALSE;
        END IF;
    END IF;
END$$
DELIMITER ;
