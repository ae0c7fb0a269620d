-- 0022: the index of records has new words (parts of addresses, short ends of numbers, all of long notes), and sorts
-- contacts without company last in both directions: it is made again (contact_catch_up).
-- undo: DELETE FROM contact_index WHERE kind = 'company_desc'; then kind without it

ALTER TABLE contact_index
    MODIFY COLUMN kind ENUM (
        'display_name', 'company', 'created_at', 'updated_at', 'source', 'tag', 'text', 'name', 'phone', 'company_part', 'company_desc'
    ) NOT NULL COMMENT 'the first four and the last one sort; name and phone find duplicates';

INSERT IGNORE INTO contact_stale (owner_id, contact_id)
SELECT owner_id, contact_id FROM contact_record WHERE state <> 'purged';
