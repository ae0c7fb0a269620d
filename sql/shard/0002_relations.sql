-- 0002: when a relation last changed, to tell invitations that crossed from invitations that come too late;
-- and where an entry came from, to list imported contacts by an index.
-- undo: ALTER TABLE contact DROP KEY by_origin, DROP COLUMN origin, DROP COLUMN changed;

ALTER TABLE contact
    ADD COLUMN IF NOT EXISTS changed BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'when status last changed, microseconds since 1970',
    ADD COLUMN IF NOT EXISTS origin VARCHAR(16) AS (LEFT(JSON_VALUE(metadata, '$.from'), 16)) PERSISTENT COMMENT 'google for contacts imported from there',
    ADD KEY IF NOT EXISTS by_origin (owner_id, origin, display, id);
