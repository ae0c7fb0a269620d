-- conference_entered: list participants whom a host has let in, and everybody in the room.
--
-- Params:   in_hub       hub of the room
--           in_room      room
--           in_sockets   JSON array: sockets of those who were let in
--           in_serial    number of the change
-- Returns:  rows   data  JSON: attendee row, and serial; node, sockets: of the participant
--           rows   node, sockets: of everybody in the room
-- Errors:   none
-- Example:  CALL conference_entered('00000000000000f1', '00000000000000f2', '[]', 1);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_entered(
    IN in_hub     CHAR(16) COLLATE ascii_bin,
    IN in_room    VARCHAR(64) COLLATE ascii_bin,
    IN in_sockets LONGTEXT,
    IN in_serial  BIGINT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_INSERT(a.data, '$.serial', in_serial) AS data, s.node, JSON_ARRAY(s.id) AS sockets
    FROM JSON_TABLE(in_sockets, '$[*]' COLUMNS (
        id VARCHAR(32) COLLATE ascii_bin PATH '$'
    )) AS j
    JOIN socket_route AS s ON s.id = j.id
    JOIN attendee_card AS a ON a.hub_id = in_hub AND a.room_id = in_room AND a.socket_id = s.id
      AND a.status = 'started'
    ORDER BY a.ctime, a.socket_id;
    CALL room_sockets(in_hub, in_room, NULL);
END$$
DELIMITER ;
