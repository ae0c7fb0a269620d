-- 0010: cards as CardDAV clients sent them, and the names under which these clients know them.
--
-- undo: ALTER TABLE contact_vcard DROP COLUMN sent, DROP COLUMN sent_version, DROP COLUMN sent_etag,
-- undo:     DROP COLUMN put_rev;

ALTER TABLE contact_vcard
    ADD COLUMN IF NOT EXISTS sent MEDIUMBLOB NULL
        COMMENT 'the card, byte for byte, of the last PUT; NULL: none, or its bytes were not kept',
    ADD COLUMN IF NOT EXISTS sent_version VARCHAR(8) COLLATE ascii_bin NULL
        COMMENT 'version of vCard of sent',
    ADD COLUMN IF NOT EXISTS sent_etag VARCHAR(64) COLLATE ascii_bin NULL
        COMMENT 'the contact is as it was sent while this is its entity tag (view contact_member)',
    ADD COLUMN IF NOT EXISTS put_rev BIGINT UNSIGNED NOT NULL DEFAULT 0
        COMMENT 'revision of the last PUT, which may change what no record shows';
