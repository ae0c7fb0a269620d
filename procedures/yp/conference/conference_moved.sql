-- conference_moved: list the notices about sockets that took over the seats of lost ones.
--
-- Params:   in_sockets   JSON array of sockets
-- Returns:  per socket and room: one row   data  JSON: the new attendee row, was (the lost socket),
--                                          node (of the socket), serial, peers (attendee rows of the
--                                          room)
--                                rows      node, sockets: the others in the room; of somebody who waits,
--                                          those of conference_door_sockets
-- Errors:   none
-- Example:  CALL conference_moved('["example-socket"]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_moved(
    IN in_sockets LONGTEXT
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    FOR r IN (
        SELECT c.hub_id, c.room_id, c.status, s.id, s.was, s.node, m.serial
        FROM JSON_TABLE(in_sockets, '$[*]' COLUMNS (
            id VARCHAR(32) COLLATE ascii_bin PATH '$'
        )) AS j
        JOIN socket AS s ON s.id = j.id
        JOIN conference AS c ON c.socket_id = s.id
        JOIN conference_room AS m ON m.hub_id = c.hub_id AND m.id = c.room_id
        ORDER BY c.hub_id, c.room_id, s.id
    ) DO
        SELECT JSON_INSERT(a.data, '$.was', r.was, '$.node', r.node, '$.serial', r.serial, '$.peers',
                           JSON_COMPACT((
            SELECT JSON_ARRAYAGG(JSON_COMPACT(o.data) ORDER BY o.ctime, o.socket_id)
            FROM attendee_card AS o
            WHERE o.hub_id = r.hub_id AND o.room_id = r.room_id AND o.status = 'started'
              AND r.status = 'started'
        ))) AS data
        FROM attendee_card AS a
        WHERE a.hub_id = r.hub_id AND a.room_id = r.room_id AND a.socket_id = r.id;
        IF r.status = 'waiting' THEN
            CALL conference_door_sockets(r.hub_id, r.room_id, r.id);
        ELSE
            CALL room_sockets(r.hub_id, r.room_id, r.id);
        END IF;
    END FOR;
END$$
DELIMITER ;
