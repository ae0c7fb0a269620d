-- conference_mute: ask a participant for silence, as a host.
--
-- The client of the participant switches the microphone off, and says so by conference_update. Until then its
-- row shows that it was asked.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket of the caller
--           in_room     room
--           in_to       socket or uid of a participant; NULL: all attendees
-- Returns:  rows   data  JSON: room_id, hub_id, socket_id; node, sockets: of each who is asked
--           both sets of conference_changed
-- Errors:   WEAK_PRIVILEGE          the caller is no host of the room
--           PARTICIPANT_NOT_FOUND   nobody of that kind is in the room
-- Needs:    a transaction
-- Example:  CALL conference_mute('example-sid', 'example-socket', '00000000000000f2', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_mute(
    IN in_sid    VARCHAR(128) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_to     VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    -- Repeats conference_kick: what every command of a host declares
    DECLARE v_hub CHAR(16) COLLATE ascii_bin;
    DECLARE v_level TINYINT UNSIGNED;
    DECLARE v_serial BIGINT UNSIGNED;
    DECLARE v_sockets LONGTEXT COLLATE utf8mb4_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL conference_command(in_sid, in_socket, in_room, v_hub, v_level, v_serial);
    IF in_to IS NOT NULL THEN
        -- a request is no power: it may go to anybody
        CALL conference_targets(v_hub, in_room, in_to, 'started', 7, v_sockets);
    END IF;
    -- unlocked: every writer holds the row of the room, as this call does
    SELECT COALESCE(JSON_ARRAYAGG(c.socket_id), '[]') INTO v_sockets
    FROM conference AS c
    WHERE c.hub_id = v_hub AND c.room_id = in_room AND c.status = 'started'
      AND c.audio = 1 AND c.muted = 0
      AND IF(v_sockets IS NULL, c.role = 'attendee', JSON_CONTAINS(v_sockets, JSON_QUOTE(c.socket_id)));
    UPDATE conference
    SET mute_asked = 1
    WHERE hub_id = v_hub AND room_id = in_room AND JSON_CONTAINS(v_sockets, JSON_QUOTE(socket_id));

    SELECT JSON_OBJECT('room_id', in_room, 'hub_id', v_hub, 'socket_id', s.id) AS data, s.node,
           JSON_ARRAY(s.id) AS sockets
    FROM JSON_TABLE(v_sockets, '$[*]' COLUMNS (id VARCHAR(32) COLLATE ascii_bin PATH '$')) AS j
    JOIN socket_route AS s ON s.id = j.id;
    CALL conference_changed(v_hub, in_room, v_sockets, v_serial);
END$$
DELIMITER ;
