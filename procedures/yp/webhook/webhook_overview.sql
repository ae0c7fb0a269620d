-- webhook_overview: list all subscriptions for operators: those with trouble first.
--
-- Params:   in_limit   subscriptions at most
-- Returns:  rows       data  JSON: see webhook_card; pending: events that wait; email of the owner; last:
--                      the oldest event that waits, or 0
-- Errors:   none
-- Example:  CALL webhook_overview(200);
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_overview(
    IN in_limit INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_INSERT(c.data, '$.email', COALESCE(p.email, ''), '$.pending', (
        SELECT COUNT(*) FROM webhook_delivery AS d WHERE d.state = 'pending' AND d.webhook_id = w.id
    ), '$.last', COALESCE((
        SELECT d.id FROM webhook_delivery AS d FORCE INDEX (by_turn)
        WHERE d.state = 'pending' AND d.webhook_id = w.id
        ORDER BY d.id
        LIMIT 1
    ), 0)) AS data
    FROM webhook AS w
    JOIN webhook_card AS c ON c.id = w.id
    LEFT JOIN drumate AS p ON p.id = w.uid
    WHERE w.state <> 'ended'
    ORDER BY w.failures DESC, w.ctime, w.id
    LIMIT in_limit;
END$$
DELIMITER ;
