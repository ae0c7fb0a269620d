-- webhook_seated: tell webhooks that people have come into a room, at once or from its door.
--
-- The doors call it. A trigger on seats would cost everybody who enters 5 % more, with no webhook at all
-- (docs/decisions/webhooks.md).
--
-- Params:   in_hub       hub of the room
--           in_room      room, locked by the caller (conference_number)
--           in_sockets   JSON array of their sockets, or NULL
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_seated('00000000000000f1', '00000000000000f2', '["example-bob"]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_seated(
    IN in_hub     CHAR(16) COLLATE ascii_bin,
    IN in_room    VARCHAR(64) COLLATE ascii_bin,
    IN in_sockets LONGTEXT COLLATE utf8mb4_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT INTO webhook_delivery (webhook_id, type, at, data)
    SELECT w.id, 'meeting.joined', FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000), JSON_OBJECT(
        'room_id', c.room_id, 'hub_id', c.hub_id, 'user_id', c.uid,
        'name', TRIM(CONCAT(c.firstname, ' ', c.lastname))
    )
    FROM JSON_TABLE(in_sockets, '$[*]' COLUMNS (id VARCHAR(32) COLLATE ascii_bin PATH '$')) AS j
    JOIN conference AS c ON c.room_id = in_room AND c.socket_id = j.id AND c.type = 'meeting'
    LEFT JOIN hub AS h ON h.id = c.hub_id
    JOIN webhook AS w ON w.uid IN (c.uid, COALESCE(h.owner_id, c.hub_id), '')
    WHERE c.hub_id = in_hub
      AND (FIND_IN_SET('meeting.joined', w.events) OR FIND_IN_SET('meeting.*', w.events)
           OR FIND_IN_SET('*', w.events))
    ORDER BY c.ctime, c.socket_id, w.id;
END$$
DELIMITER ;
