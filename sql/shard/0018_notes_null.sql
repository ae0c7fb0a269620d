-- 0018: notes that were cleared before are null in the records as well, not an empty text. Those in the book are made
-- again (contact_catch_up), those in the trash put right here.
-- no undo: nothing is lost

INSERT IGNORE INTO contact_stale (owner_id, contact_id)
SELECT r.owner_id, r.contact_id
FROM contact_record AS r
WHERE r.state = 'active' AND JSON_VALUE(r.record, '$.notes') = '';

UPDATE contact_record SET record = JSON_SET(record, '$.notes', NULL) WHERE state = 'deleted' AND JSON_VALUE(record, '$.notes') = '';
