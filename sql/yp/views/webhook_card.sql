-- webhook_card: one subscription, without its secrets.
CREATE OR REPLACE VIEW webhook_card AS
SELECT
    w.id,
    w.uid,
    w.ctime,
    JSON_OBJECT(
        'id', w.id,
        'uid', w.uid,
        'url', w.url,
        'label', w.label,
        'events', w.events,
        'state', w.state,
        'is_full', w.is_full,
        'failures', w.failures,
        'failing_since', w.failing_since,
        'last_error', w.last_error,
        'last_success', w.last_success,
        'next_try', w.next_try,
        'ctime', w.ctime,
        'mtime', w.mtime
    ) AS data
FROM webhook AS w;
