-- 0009: what the REST API knows of a contact and the RPC did not: an explicit display name, company, job title, free fields,
-- where an entry comes from; labels of addresses and numbers; state and postal code.
-- undo: ALTER TABLE contact_address DROP COLUMN label, DROP COLUMN state, DROP COLUMN postal_code;
--       ALTER TABLE contact_phone DROP COLUMN label; ALTER TABLE contact_email DROP COLUMN label;
--       then display and origin as in 0001 and 0002; ALTER TABLE contact DROP COLUMN display_name, DROP COLUMN company,
--       DROP COLUMN job_title, DROP COLUMN avatar_path, DROP COLUMN custom_fields, DROP COLUMN source_id, DROP COLUMN synced_at;

ALTER TABLE contact
    ADD COLUMN IF NOT EXISTS display_name VARCHAR(255) NULL COMMENT 'shown instead of all other names; NULL: derived' AFTER surname,
    ADD COLUMN IF NOT EXISTS company VARCHAR(255) NULL AFTER lastname,
    ADD COLUMN IF NOT EXISTS job_title VARCHAR(255) NULL AFTER company,
    ADD COLUMN IF NOT EXISTS avatar_path VARCHAR(1024) NULL,
    ADD COLUMN IF NOT EXISTS custom_fields JSON NULL COMMENT 'an object, or NULL',
    ADD COLUMN IF NOT EXISTS source_id VARCHAR(255) NULL COMMENT 'id of the entry where it comes from (origin)',
    ADD COLUMN IF NOT EXISTS synced_at DATETIME(3) NULL COMMENT 'UTC; when it was last compared with its origin';

ALTER TABLE contact
    MODIFY COLUMN display VARCHAR(255) AS (LEFT(COALESCE(
        NULLIF(display_name, ''),
        NULLIF(surname, ''),
        NULLIF(TRIM(CONCAT(COALESCE(firstname, ''), ' ', COALESCE(lastname, ''))), ''),
        email,
        NULLIF(company, ''),
        entity
    ), 255)) PERSISTENT COMMENT 'name that lists show and sort by',
    MODIFY COLUMN origin VARCHAR(32) AS (LEFT(JSON_VALUE(metadata, '$.from'), 32)) PERSISTENT
        COMMENT 'where it comes from: google, filemail, what a REST client says; NULL: made here';

ALTER TABLE contact_email
    ADD COLUMN IF NOT EXISTS label VARCHAR(32) NULL COMMENT 'work, personal …; counts while it says the same as category';

ALTER TABLE contact_phone
    ADD COLUMN IF NOT EXISTS label VARCHAR(32) NULL COMMENT 'work, mobile …; counts while it says the same as category';

ALTER TABLE contact_address
    ADD COLUMN IF NOT EXISTS label VARCHAR(32) NULL COMMENT 'work, home …; counts while it says the same as category',
    ADD COLUMN IF NOT EXISTS state VARCHAR(255) NOT NULL DEFAULT '' AFTER city,
    ADD COLUMN IF NOT EXISTS postal_code VARCHAR(32) NOT NULL DEFAULT '' AFTER state;
