-- 0018: search words by their first three letters, in the order of names; contacts with a nickname. The words
-- of all contacts are made again.
--
-- undo: ALTER TABLE contact_index DROP KEY by_start, DROP COLUMN start;
--       ALTER TABLE contact DROP KEY by_nickname;

ALTER TABLE contact_index
    ADD COLUMN IF NOT EXISTS start VARBINARY(6) NULL
        COMMENT 'weights of the first three letters of a word of the kind text; NULL also before 0018';

-- a default, not a generated column: the server cannot add a stored one without a copy of the table, and an
-- index on a virtual one can stop MariaDB 10.11 when it starts (MDEV-39261)
ALTER TABLE contact_index
    ALTER COLUMN start SET DEFAULT (IF(kind = 'text', LEFT(WEIGHT_STRING(word), 6), NULL));

ALTER TABLE contact_index
    ADD KEY IF NOT EXISTS by_start (owner_id, is_deleted, start, name, contact_id);

ALTER TABLE contact
    ADD KEY IF NOT EXISTS by_nickname (owner_id, surname);

INSERT IGNORE INTO contact_stale (owner_id, contact_id)
SELECT owner_id, contact_id
FROM contact_record
WHERE state <> 'purged';
