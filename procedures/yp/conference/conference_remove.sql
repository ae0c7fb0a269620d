-- conference_remove: take participants out of rooms, and list them so that they can be notified.
--
-- Params:   in_seats   JSON array of objects: hub, room, socket
-- Returns:  the two sets of conference_drop for each participant who was there
--           then rows      data  JSON: room_id, hub_id, uid, room_type (meeting or connect); node, sockets:
--                          of the participant, to be notified; db_name (their shard)
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_remove('[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_remove(
    IN in_seats LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_removed LONGTEXT DEFAULT '[]';
    DECLARE v_seat LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    FOR r IN (
        SELECT j.hub, j.room, j.socket
        FROM JSON_TABLE(in_seats, '$[*]' COLUMNS (
            hub CHAR(16) COLLATE ascii_bin PATH '$.hub',
            room VARCHAR(64) COLLATE ascii_bin PATH '$.room',
            socket VARCHAR(32) COLLATE ascii_bin PATH '$.socket'
        )) AS j
        ORDER BY j.hub, j.room, j.socket
    ) DO
        -- unlocked: conference_drop locks the room; who leaves meanwhile is notified once too often
        SET v_seat = (
            SELECT JSON_OBJECT('room_id', room_id, 'hub_id', hub_id, 'uid', uid, 'room_type', type,
                               'socket', socket_id)
            FROM conference WHERE hub_id = r.hub AND room_id = r.room AND socket_id = r.socket
        );
        IF v_seat IS NOT NULL THEN
            CALL conference_drop(r.socket, r.room);
            SET v_removed = JSON_ARRAY_APPEND(v_removed, '$', JSON_COMPACT(v_seat));
        END IF;
    END FOR;

    SELECT JSON_REMOVE(j.seat, '$.socket') AS data, s.node, JSON_ARRAY(s.id) AS sockets, e.db_name
    FROM JSON_TABLE(v_removed, '$[*]' COLUMNS (
        seat JSON PATH '$',
        socket VARCHAR(32) COLLATE ascii_bin PATH '$.socket'
    )) AS j
    JOIN socket_route AS s ON s.id = j.socket
    LEFT JOIN entity AS e ON e.id = s.uid;
END$$
DELIMITER ;
