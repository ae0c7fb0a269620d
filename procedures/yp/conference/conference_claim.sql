-- conference_claim: assign an endpoint of the media server to a participant. An endpoint belongs to one
-- participant of the room.
--
-- Another socket of the same user gives it up: the user came back before the old socket was dropped. The
-- caller has written the row of the room (conference_number).
--
-- Params:   in_hub           hub of the room
--           in_room          room
--           in_socket        socket of the participant
--           in_uid           user of the participant
--           in_participant   endpoint id
-- Returns:  nothing
-- Errors:   PARTICIPANT_TAKEN   another participant has it
-- Needs:    a transaction
-- Example:  CALL conference_claim('00000000000000f1', '00000000000000f2', 'example-socket',
--           '00000000000000a1', 'abcd1234');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_claim(
    IN in_hub         CHAR(16) COLLATE ascii_bin,
    IN in_room        VARCHAR(64) COLLATE ascii_bin,
    IN in_socket      VARCHAR(64) COLLATE ascii_bin,
    IN in_uid         CHAR(16) COLLATE ascii_bin,
    IN in_participant VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_taken TINYINT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE conference SET participant_id = NULL
    WHERE hub_id = in_hub AND room_id = in_room AND participant_id = in_participant
      AND uid = in_uid AND socket_id <> in_socket;

    SELECT COUNT(*) > 0 INTO v_taken
    FROM conference
    WHERE hub_id = in_hub AND room_id = in_room AND participant_id = in_participant
      AND socket_id <> in_socket;
    IF v_taken THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PARTICIPANT_TAKEN';
    END IF;
END$$
DELIMITER ;
