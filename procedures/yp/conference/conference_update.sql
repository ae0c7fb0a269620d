-- conference_update: update the state of a participant: microphone, camera, screen, endpoint id.
--
-- A client cannot set its role or level, or the names of registered users. A client that has switched its
-- microphone off has obeyed the host who asked for it (conference_mute).
--
-- Params:   in_sid        session of the caller; the socket must be bound to it
--           in_socket     socket of the caller, in the room
--           in_room       room
--           in_metadata   JSON: any of participant_id, audio, video, screen, muted
-- Returns:  one row       data  JSON, attendee row
--           rows          node, sockets: members of the hub who are online, and the room
--           nothing when the socket is not in the room
-- Errors:   PARTICIPANT_TAKEN   another participant of the room has this participant_id
-- Needs:    a transaction
-- Example:  CALL conference_update('example-sid', 'example-socket', '00000000000000f2', '{"audio": 0}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_update(
    IN in_sid      VARCHAR(128) COLLATE ascii_bin,
    IN in_socket   VARCHAR(64) COLLATE ascii_bin,
    IN in_room     VARCHAR(64) COLLATE ascii_bin,
    IN in_metadata LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_hub, v_uid CHAR(16) COLLATE ascii_bin;
    DECLARE v_status VARCHAR(16) COLLATE ascii_bin;
    DECLARE v_attendee LONGTEXT;
    DECLARE v_serial BIGINT UNSIGNED;
    DECLARE v_participant VARCHAR(64) COLLATE ascii_bin
        DEFAULT JSON_VALUE(in_metadata, '$.participant_id');
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: the room is locked before its participants; the row is read again below
    SELECT c.hub_id, c.uid INTO v_hub, v_uid
    FROM conference AS c
    JOIN socket AS s ON s.id = c.socket_id AND s.session_id = SHA2(in_sid, 256)
    WHERE c.room_id = in_room AND c.socket_id = in_socket;

    IF v_hub IS NOT NULL AND v_participant IS NOT NULL THEN
        CALL conference_number(v_hub, in_room, v_serial);
        CALL conference_claim(v_hub, in_room, in_socket, v_uid, v_participant);
    END IF;

    IF v_hub IS NOT NULL THEN
        UPDATE conference
        SET participant_id = COALESCE(v_participant, participant_id),
            audio = COALESCE(JSON_VALUE(in_metadata, '$.audio'), audio),
            video = COALESCE(JSON_VALUE(in_metadata, '$.video'), video),
            screen = COALESCE(JSON_VALUE(in_metadata, '$.screen'), screen),
            muted = COALESCE(JSON_VALUE(in_metadata, '$.muted'), muted),
            mute_asked = IF(muted = 1 OR audio = 0, 0, mute_asked),
            mtime = UNIX_TIMESTAMP()
        WHERE room_id = in_room AND socket_id = in_socket AND hub_id = v_hub;

        -- the row is written above: it is gone when its socket has left in between
        SELECT data, status INTO v_attendee, v_status
        FROM attendee_card
        WHERE room_id = in_room AND socket_id = in_socket AND hub_id = v_hub;
    END IF;

    IF v_attendee IS NOT NULL THEN
        SELECT v_attendee AS data;
        -- nobody hears of those who wait at the door
        CALL entity_sockets(IF(v_status = 'started', v_hub, NULL), in_room, in_socket);
    END IF;
END$$
DELIMITER ;
