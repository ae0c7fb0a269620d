-- conference_targets: find whom a command or a message means: one socket, or all sockets of one person, be it
-- a user or a guest.
--
-- A host has no power over somebody who has a higher level in the room.
--
-- Params:   in_hub      hub of the room
--           in_room     room, locked by the caller (conference_command)
--           in_to       socket or uid of a participant
--           in_status   started or waiting; NULL: both
--           in_level    level of the host
--           out_sockets   JSON array of sockets
-- Returns:  nothing
-- Errors:   PARTICIPANT_NOT_FOUND   nobody of that kind is in the room
--           WEAK_PRIVILEGE          somebody with a higher level
-- Example:  CALL conference_targets('00000000000000f1', '00000000000000f2', 'example-socket', NULL, 7,
--           @sockets);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_targets(
    IN in_hub       CHAR(16) COLLATE ascii_bin,
    IN in_room      VARCHAR(64) COLLATE ascii_bin,
    IN in_to        VARCHAR(64) COLLATE ascii_bin,
    IN in_status    VARCHAR(16) COLLATE ascii_bin,
    IN in_level     TINYINT UNSIGNED,
    OUT out_sockets LONGTEXT COLLATE utf8mb4_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_highest TINYINT UNSIGNED;

    SELECT MAX(level), JSON_ARRAYAGG(socket_id) INTO v_highest, out_sockets
    FROM conference
    WHERE hub_id = in_hub AND room_id = in_room
      AND in_to IN (socket_id, uid)
      AND (in_status IS NULL OR status = in_status);

    IF v_highest IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PARTICIPANT_NOT_FOUND';
    END IF;
    IF v_highest > in_level THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'WEAK_PRIVILEGE';
    END IF;
END$$
DELIMITER ;
