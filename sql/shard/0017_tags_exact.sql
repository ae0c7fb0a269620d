-- 0017: names of tags compare character by character: año is not ano, Work not work. The index of records holds what is
-- compared so (tags and sources) as MD5, since its words ignore case and accents.
-- undo: no two tags of an owner may differ in case or accents only; then
--       ALTER TABLE tag MODIFY COLUMN name VARCHAR(255) NOT NULL; contact_index as below, without MD5

ALTER TABLE tag
    MODIFY COLUMN name VARCHAR(255) COLLATE utf8mb4_bin NOT NULL;

DELETE FROM contact_index WHERE kind IN ('tag', 'source');

INSERT IGNORE INTO contact_index (owner_id, is_deleted, kind, word, contact_id, name)
SELECT DISTINCT r.owner_id, IF(r.state = 'deleted', 1, 0), 'tag', MD5(j.name), r.contact_id, LEFT(JSON_VALUE(r.record, '$.display_name'), 64)
FROM contact_record AS r
JOIN JSON_TABLE(r.record, '$.tags[*]' COLUMNS (name VARCHAR(255) PATH '$')) AS j
WHERE r.state <> 'purged';

INSERT IGNORE INTO contact_index (owner_id, is_deleted, kind, word, contact_id, name)
SELECT r.owner_id, IF(r.state = 'deleted', 1, 0), 'source', MD5(JSON_VALUE(r.record, '$.source')), r.contact_id,
       LEFT(JSON_VALUE(r.record, '$.display_name'), 64)
FROM contact_record AS r
WHERE r.state <> 'purged' AND JSON_VALUE(r.record, '$.source') IS NOT NULL;
