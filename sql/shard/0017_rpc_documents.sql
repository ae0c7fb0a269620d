-- 0017: contacts as the RPC shows them, made when they are written. Where they are NULL, they are made when
-- they are read; the heartbeat fills them.
--
-- undo: ALTER TABLE contact_record DROP COLUMN rpc_card, DROP COLUMN rpc_full;

ALTER TABLE contact_record
    ADD COLUMN IF NOT EXISTS rpc_card MEDIUMTEXT COLLATE utf8mb4_bin NULL
        COMMENT 'contact_document: the contact in lists; NULL: made when it is read, as that of a user is',
    ADD COLUMN IF NOT EXISTS rpc_full LONGTEXT COLLATE utf8mb4_bin NULL
        COMMENT 'contact_document: the full contact, up to its first tag';

INSERT IGNORE INTO contact_stale (owner_id, contact_id)
SELECT owner_id, contact_id
FROM contact_record
WHERE state = 'active' AND rpc_card IS NULL;
