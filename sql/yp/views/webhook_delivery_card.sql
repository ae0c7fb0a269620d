-- webhook_delivery_card: one event for one subscription, and what became of it.
CREATE OR REPLACE VIEW webhook_delivery_card AS
SELECT
    d.id,
    d.webhook_id,
    JSON_OBJECT(
        'id', d.id,
        'type', d.type,
        'at', d.at,
        'data', JSON_COMPACT(d.data),
        'state', d.state,
        'attempts', d.attempts,
        'status', d.status,
        'error', d.error,
        'tried_at', d.tried_at
    ) AS data
FROM webhook_delivery AS d;
