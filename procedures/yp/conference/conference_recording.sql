-- conference_recording: mark a room as recorded, or no longer so, as a host. The media server records.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket of the caller
--           in_room     room
--           in_on       1: the recording runs; 0: it has ended
-- Returns:  one row   data  JSON: room_card, and changed (0: it was so before)
--           rows      node, sockets: of everybody in the room; none when nothing has changed
-- Errors:   WEAK_PRIVILEGE   the caller is no host of the room
-- Needs:    a transaction
-- Example:  CALL conference_recording('example-sid', 'example-socket', '00000000000000f2', 1);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_recording(
    IN in_sid    VARCHAR(128) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_on     TINYINT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_hub CHAR(16) COLLATE ascii_bin;
    DECLARE v_level, v_changed TINYINT UNSIGNED;
    DECLARE v_serial BIGINT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL conference_command(in_sid, in_socket, in_room, v_hub, v_level, v_serial);
    UPDATE conference_room
    SET recording_since = IF(in_on, UNIX_TIMESTAMP(), NULL)
    WHERE hub_id = v_hub AND id = in_room AND (recording_since IS NULL) = (in_on <> 0);
    SET v_changed = ROW_COUNT();

    SELECT JSON_INSERT(data, '$.changed', v_changed + 0) AS data
    FROM room_card WHERE hub_id = v_hub AND room_id = in_room;
    CALL room_sockets(v_hub, IF(v_changed, in_room, NULL), NULL);
END$$
DELIMITER ;
