-- 0016: the RPC shows the surname that an owner typed, the other APIs the display name: each has a column of its own, so
-- that neither takes the place of the other. Records of contacts with a surname are made again (contact_catch_up).
-- undo: ALTER TABLE contact DROP COLUMN full_name; then display as in 0009

ALTER TABLE contact
    MODIFY COLUMN display VARCHAR(255) AS (LEFT(COALESCE(
        NULLIF(surname, ''),
        NULLIF(display_name, ''),
        NULLIF(TRIM(CONCAT(COALESCE(firstname, ''), ' ', COALESCE(lastname, ''))), ''),
        email,
        NULLIF(company, ''),
        entity
    ), 255)) PERSISTENT COMMENT 'name that lists of the RPC show and sort by';

ALTER TABLE contact
    ADD COLUMN IF NOT EXISTS full_name VARCHAR(255) AS (LEFT(COALESCE(
        NULLIF(display_name, ''),
        NULLIF(TRIM(CONCAT(COALESCE(firstname, ''), ' ', COALESCE(lastname, ''))), ''),
        NULLIF(surname, ''),
        email,
        NULLIF(company, ''),
        entity
    ), 255)) VIRTUAL COMMENT 'name that the other APIs show' AFTER display;

UPDATE contact_record AS r
JOIN contact_trash AS t ON t.owner_id = r.owner_id AND t.id = r.contact_id
SET r.record = JSON_SET(r.record, '$.display_name', LEFT(TRIM(CONCAT(
    COALESCE(JSON_VALUE(t.book, '$.contact.firstname'), ''), ' ', COALESCE(JSON_VALUE(t.book, '$.contact.lastname'), '')
)), 255))
WHERE r.state = 'deleted'
  AND JSON_VALUE(t.book, '$.contact.surname') <> ''
  AND COALESCE(JSON_VALUE(t.book, '$.contact.display_name'), '') = ''
  AND TRIM(CONCAT(COALESCE(JSON_VALUE(t.book, '$.contact.firstname'), ''), COALESCE(JSON_VALUE(t.book, '$.contact.lastname'), ''))) <> '';

INSERT IGNORE INTO contact_stale (owner_id, contact_id)
SELECT owner_id, id FROM contact_trash WHERE JSON_VALUE(book, '$.contact.surname') <> '';

INSERT IGNORE INTO contact_stale (owner_id, contact_id)
SELECT owner_id, id FROM contact WHERE surname <> '' AND box <> 'hidden';
