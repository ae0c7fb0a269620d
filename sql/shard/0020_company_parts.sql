-- 0020: companies are found by any part of them through the index of records: it holds each from each of its characters on (made
-- with 0022).
-- undo: DELETE FROM contact_index WHERE kind = 'company_part'; then kind without it

ALTER TABLE contact_index
    MODIFY COLUMN kind ENUM (
        'display_name', 'company', 'created_at', 'updated_at', 'source', 'tag', 'text', 'name', 'phone', 'company_part'
    ) NOT NULL COMMENT 'the first four sort; name and phone find duplicates';
