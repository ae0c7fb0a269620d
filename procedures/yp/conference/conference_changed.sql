-- conference_changed: list participants whose role or rights have changed, and those who are notified. Nobody
-- hears of those who wait at the door.
--
-- Params:   in_hub       hub of the room
--           in_room      room
--           in_sockets   JSON array: sockets of the participants who have changed
--           in_serial    number of the change
-- Returns:  rows   data  JSON: attendee row, and serial
--           rows   node, sockets: of everybody in the room
-- Errors:   none
-- Example:  CALL conference_changed('00000000000000f1', '00000000000000f2', '[]', 1);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_changed(
    IN in_hub     CHAR(16) COLLATE ascii_bin,
    IN in_room    VARCHAR(64) COLLATE ascii_bin,
    IN in_sockets LONGTEXT,
    IN in_serial  BIGINT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_INSERT(a.data, '$.serial', in_serial) AS data
    FROM (
        SELECT DISTINCT j.id
        FROM JSON_TABLE(in_sockets, '$[*]' COLUMNS (
            id VARCHAR(32) COLLATE ascii_bin PATH '$'
        )) AS j
    ) AS x
    JOIN attendee_card AS a ON a.hub_id = in_hub AND a.room_id = in_room AND a.socket_id = x.id
      AND a.status = 'started'
    ORDER BY a.ctime, a.socket_id;
    CALL room_sockets(in_hub, in_room, NULL);
END$$
DELIMITER ;
