-- webhook_meeting: write the event that a meeting has begun, or that it ends: called before its room is
-- deleted or begins anew. A room that has not begun has none.
--
-- Params:   in_hub    hub of the room
--           in_room   room, locked by the caller (conference_number)
--           in_type   meeting.started or meeting.ended
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_meeting('00000000000000f1', '00000000000000f2', 'meeting.started');
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_meeting(
    IN in_hub  CHAR(16) COLLATE ascii_bin,
    IN in_room VARCHAR(64) COLLATE ascii_bin,
    IN in_type VARCHAR(32) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT INTO webhook_delivery (webhook_id, type, at, data)
    SELECT w.id, in_type, FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000), JSON_OBJECT(
        'room_id', r.id, 'hub_id', r.hub_id, 'title', r.title
    )
    FROM conference_room AS r
    LEFT JOIN hub AS h ON h.id = r.hub_id
    JOIN webhook AS w ON w.uid IN (COALESCE(h.owner_id, r.hub_id), '') AND w.is_full = 0
    WHERE r.hub_id = in_hub AND r.id = in_room AND r.type = 'meeting' AND r.started_at IS NOT NULL
      AND webhook_takes(w.events, in_type)
    ORDER BY w.id;
END$$
DELIMITER ;
