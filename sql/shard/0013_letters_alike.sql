-- 0013: letters that people write for each other are one in the search; the words of contacts with other
-- letters than ASCII are made again.
--
-- undo: INSERT IGNORE INTO contact_stale SELECT owner_id, contact_id FROM contact_record;

INSERT IGNORE INTO contact_stale (owner_id, contact_id)
SELECT owner_id, contact_id
FROM contact_record
WHERE state <> 'purged' AND LENGTH(record) > CHAR_LENGTH(record);
