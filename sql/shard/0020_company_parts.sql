-- 0020: companies are found by any part of them through the index of records: it holds each from each of its characters on.
-- undo: DELETE FROM contact_index WHERE kind = 'company_part'; then kind without it

ALTER TABLE contact_index
    MODIFY COLUMN kind ENUM (
        'display_name', 'company', 'created_at', 'updated_at', 'source', 'tag', 'text', 'name', 'phone', 'company_part'
    ) NOT NULL COMMENT 'the first four sort; name and phone find duplicates';

INSERT IGNORE INTO contact_index (owner_id, is_deleted, kind, word, contact_id, name)
WITH RECURSIVE place AS (
    SELECT 1 AS n
    UNION ALL
    SELECT n + 1 FROM place WHERE n < 255
)
SELECT r.owner_id, IF(r.state = 'deleted', 1, 0), 'company_part', SUBSTR(JSON_VALUE(r.record, '$.company'), p.n), r.contact_id,
       LEFT(JSON_VALUE(r.record, '$.display_name'), 64)
FROM contact_record AS r
JOIN place AS p ON p.n <= CHAR_LENGTH(JSON_VALUE(r.record, '$.company'))
WHERE r.state <> 'purged';
