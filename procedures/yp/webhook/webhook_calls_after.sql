-- webhook_calls_after: write the events of the calls of a room that a change has begun, answered or ended,
-- for the subscriptions of caller and callee.
--
-- Params:   in_hub     hub of the room
--           in_room    room, locked by the caller (conference_number)
--           in_calls   the calls before the change (webhook_calls_before), or NULL
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_calls_after('00000000000000f1', '00000000000000f2', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_calls_after(
    IN in_hub   CHAR(16) COLLATE ascii_bin,
    IN in_room  VARCHAR(64) COLLATE ascii_bin,
    IN in_calls LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: every writer holds the row of the room, as the caller does
    INSERT INTO webhook_delivery (webhook_id, type, at, data)
    SELECT w.id, t.type, FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000), t.data
    FROM (
        SELECT i.caller_id, i.callee_id,
               CASE
                   WHEN b.callee IS NULL THEN IF(i.status = 'ringing', 'call.started', NULL)
                   WHEN b.ended IS NULL AND b.status IN ('ringing', 'accepted')
                    AND (i.ended_at IS NOT NULL OR i.status NOT IN ('ringing', 'accepted'))
                   THEN IF(i.answered_at IS NULL AND i.status IN ('missed', 'accepted'), 'call.missed',
                           'call.ended')
                   WHEN b.status <> 'ringing' AND i.status = 'ringing' THEN 'call.started'
                   WHEN b.answered IS NULL AND i.answered_at IS NOT NULL THEN 'call.answered'
               END AS type,
               JSON_OBJECT(
                   'room_id', i.room_id, 'caller_id', i.caller_id, 'callee_id', i.callee_id,
                   'status', i.status, 'answered_at', i.answered_at, 'ended_at', i.ended_at
               ) AS data
        FROM call_invitation AS i
        LEFT JOIN JSON_TABLE(COALESCE(in_calls, '[]'), '$[*]' COLUMNS (
            callee   CHAR(16) COLLATE ascii_bin PATH '$.callee',
            status   VARCHAR(16) COLLATE ascii_bin PATH '$.status',
            answered BIGINT UNSIGNED PATH '$.answered',
            ended    BIGINT UNSIGNED PATH '$.ended'
        )) AS b ON b.callee = i.callee_id
        WHERE i.hub_id = in_hub AND i.room_id = in_room
    ) AS t
    JOIN webhook AS w ON w.uid IN (t.caller_id, t.callee_id, '') AND w.is_full = 0
    WHERE webhook_takes(w.events, t.type)
    ORDER BY t.callee_id, w.id;
END$$
DELIMITER ;
