-- conference_end: end a room for everybody, as a host. A room that has ended already is left alone.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket of the caller
--           in_room     room
-- Returns:  the three sets of conference_close
--           nothing when there is no such room any more
-- Errors:   WEAK_PRIVILEGE   the caller is no host of the room
-- Needs:    a transaction
-- Example:  CALL conference_end('example-sid', 'example-socket', '00000000000000f2');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_end(
    IN in_sid    VARCHAR(128) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_hub CHAR(16) COLLATE ascii_bin;
    DECLARE v_level TINYINT UNSIGNED;
    DECLARE v_serial BIGINT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: the room is locked before its participants; the row is read again by conference_command
    SET v_hub = conference_hub(in_sid, in_socket, in_room);
    CALL conference_number(v_hub, in_room, v_serial);

    -- of two hosts who end it at once, the second one finds no room; others are refused
    IF v_serial IS NOT NULL OR (v_hub IS NULL AND EXISTS (SELECT 1 FROM conference WHERE room_id = in_room))
    THEN
        CALL conference_command(in_sid, in_socket, in_room, v_hub, v_level, v_serial);
        CALL conference_close(v_hub, in_room, in_socket);
    END IF;
END$$
DELIMITER ;
