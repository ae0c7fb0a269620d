-- webhook_seated: write the events of people who have come into a meeting, at once or from its door, or who
-- leave it. People who only wait at the door are left out.
--
-- Params:   in_hub       hub of the room
--           in_room      room, locked by the caller (conference_number)
--           in_sockets   JSON array of their sockets, or NULL
--           in_type      meeting.joined; meeting.left: the seats are deleted afterwards
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_seated('00000000000000f1', '00000000000000f2', '["example-bob"]',
--           'meeting.joined');
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_seated(
    IN in_hub     CHAR(16) COLLATE ascii_bin,
    IN in_room    VARCHAR(64) COLLATE ascii_bin,
    IN in_sockets LONGTEXT COLLATE utf8mb4_bin,
    IN in_type    VARCHAR(32) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT INTO webhook_delivery (webhook_id, type, at, data)
    SELECT w.id, in_type, FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000), JSON_OBJECT(
        'room_id', c.room_id, 'hub_id', c.hub_id, 'user_id', c.uid,
        'name', TRIM(CONCAT(c.firstname, ' ', c.lastname))
    )
    FROM JSON_TABLE(in_sockets, '$[*]' COLUMNS (id VARCHAR(32) COLLATE ascii_bin PATH '$')) AS j
    JOIN conference AS c ON c.room_id = in_room AND c.socket_id = j.id AND c.type = 'meeting'
    LEFT JOIN hub AS h ON h.id = c.hub_id
    JOIN webhook AS w ON w.uid IN (c.uid, COALESCE(h.owner_id, c.hub_id), '') AND w.is_full = 0
    WHERE c.hub_id = in_hub AND c.status = 'started'
      AND webhook_takes(w.events, in_type)
    ORDER BY c.ctime, c.socket_id, w.id;
END$$
DELIMITER ;
