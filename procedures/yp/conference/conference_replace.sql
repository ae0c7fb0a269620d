-- conference_replace: give a socket the seat that a lost socket of the same user has in the same room: the
-- user has joined again from a new page, and needs no double.
--
-- A guest replaces only a socket of the same session. The caller holds the row of the room.
--
-- Params:   in_hub      hub of the room
--           in_room     room
--           in_socket   socket that joins
--           in_uid      its user
--           in_sid      its session
--           out_was     the lost socket; NULL: none
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_replace('00000000000000f1', '00000000000000f2', 'example-socket',
--           '00000000000000a1', 'example-sid', @was);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_replace(
    IN in_hub    CHAR(16) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_uid    CHAR(16) COLLATE ascii_bin,
    IN in_sid    VARCHAR(128) COLLATE ascii_bin,
    OUT out_was  VARCHAR(32) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: every writer holds the row of the room, as the caller does
    SET out_was = (
        SELECT c.socket_id
        FROM conference AS c
        JOIN socket AS s ON s.id = c.socket_id AND s.state = 'lost'
        WHERE c.hub_id = in_hub AND c.room_id = in_room AND c.uid = in_uid
          AND (s.session_id = SHA2(in_sid, 256) OR EXISTS (SELECT 1 FROM drumate AS d WHERE d.id = in_uid))
        ORDER BY c.ctime, c.socket_id
        LIMIT 1
    );

    UPDATE conference SET socket_id = in_socket
    WHERE hub_id = in_hub AND room_id = in_room AND socket_id = out_was;
    UPDATE call_invitation SET caller_socket = in_socket
    WHERE hub_id = in_hub AND room_id = in_room AND caller_id = in_uid AND caller_socket = out_was;
END$$
DELIMITER ;
