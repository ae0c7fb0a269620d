-- 0011: changes of contacts go to the subscriptions of their owner and of the site.
--
-- The revision of the address book grows last, when records and events are written: one place for all
-- routines (docs/decisions/webhooks.md). A move to another shard inserts the row, which starts no trigger.
--
-- undo: DROP TRIGGER contact_ledger_webhook;

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS contact_ledger_webhook
AFTER UPDATE ON contact_ledger FOR EACH ROW
    IF NEW.rev > OLD.rev AND EXISTS (SELECT 1 FROM yp.webhook AS w WHERE w.uid IN (NEW.owner_id, '')) THEN
        INSERT INTO yp.webhook_delivery (webhook_id, type, at, data)
        SELECT w.id, t.type, FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000), JSON_OBJECT(
            'user_id', NEW.owner_id, 'contact', JSON_COMPACT(t.record), 'merged_into', t.merged_into
        )
        FROM (
            SELECT e.rev, r.record, r.merged_into,
                   CONCAT('contact.', IF(e.event = 'purged' AND r.merged_into IS NOT NULL, 'merged', e.event))
                       AS type
            FROM contact_event AS e
            JOIN contact_record AS r ON r.owner_id = e.owner_id AND r.contact_id = e.contact_id
            WHERE e.owner_id = NEW.owner_id AND e.rev > OLD.rev AND e.rev <= NEW.rev AND e.event <> 'private'
        ) AS t
        JOIN yp.webhook AS w ON w.uid IN (NEW.owner_id, '')
        WHERE FIND_IN_SET(t.type, w.events) OR FIND_IN_SET('contact.*', w.events)
           OR FIND_IN_SET('*', w.events)
        ORDER BY t.rev, w.id; END IF;
