-- 0007: the search of all APIs reads the same words; the words of all contacts are made again.
--
-- undo: INSERT IGNORE INTO contact_stale SELECT owner_id, contact_id FROM contact_record;

INSERT IGNORE INTO contact_stale (owner_id, contact_id)
SELECT owner_id, contact_id
FROM contact_record
WHERE state <> 'purged';
