-- 0017: names of tags compare character by character: año is not ano, Work not work. The index of records holds what is
-- compared so (tags and sources) as MD5, since its words ignore case and accents: made again with 0022.
-- undo: no two tags of an owner may differ in case or accents only; then
--       ALTER TABLE tag MODIFY COLUMN name VARCHAR(255) NOT NULL; contact_index as below, without MD5

ALTER TABLE tag
    MODIFY COLUMN name VARCHAR(255) COLLATE utf8mb4_bin NOT NULL;

DELETE FROM contact_index WHERE kind IN ('tag', 'source');
