-- 0006: the history of contacts: each event keeps the state before it, and who caused it, for 30 days.
--
-- undo: ALTER TABLE contact_event DROP KEY by_contact, DROP KEY by_age, DROP COLUMN at, DROP COLUMN actor,
-- undo:     DROP COLUMN api, DROP COLUMN change_set, DROP COLUMN writer, DROP COLUMN before_record,
-- undo:     DROP COLUMN before_private;
-- undo: ALTER TABLE contact_ledger DROP COLUMN signed_rev;
-- undo: ALTER TABLE contact_record DROP COLUMN private;

ALTER TABLE contact_record
    ADD COLUMN IF NOT EXISTS private TEXT COLLATE utf8mb4_bin NULL
        COMMENT 'what a revert needs and the record does not show; NULL: rendered before there was a history';

ALTER TABLE contact_ledger
    ADD COLUMN IF NOT EXISTS signed_rev BIGINT UNSIGNED NOT NULL DEFAULT 0
        COMMENT 'newest event for which contact_event_sign has looked';

ALTER TABLE contact_event
    MODIFY COLUMN event ENUM ('created', 'updated', 'deleted', 'restored', 'purged', 'private') NOT NULL
        COMMENT 'private: only values that the RPC shows have changed; not in the feed',
    ADD COLUMN IF NOT EXISTS at INT UNSIGNED NOT NULL DEFAULT 0 COMMENT '0: before there was a history',
    ADD COLUMN IF NOT EXISTS actor CHAR(16) COLLATE ascii_bin NULL COMMENT 'user who caused it',
    ADD COLUMN IF NOT EXISTS api VARCHAR(16) COLLATE ascii_bin NULL
        COMMENT 'rpc, login-token, rest …; NULL: not signed, a change by hand',
    ADD COLUMN IF NOT EXISTS change_set CHAR(16) COLLATE ascii_bin NULL
        COMMENT 'the same for all changes of a merge, an import or a revert',
    ADD COLUMN IF NOT EXISTS writer BIGINT UNSIGNED NULL COMMENT 'id of the connection, until it is signed',
    ADD COLUMN IF NOT EXISTS before_record LONGTEXT COLLATE utf8mb4_bin NULL
        COMMENT 'JSON, the record before; NULL: there was none',
    ADD COLUMN IF NOT EXISTS before_private MEDIUMTEXT COLLATE utf8mb4_bin NULL
        COMMENT 'contact_record.private before',
    ADD KEY IF NOT EXISTS by_contact (owner_id, contact_id, rev),
    ADD KEY IF NOT EXISTS by_age (at),
    COMMENT 'changes of the last 30 days, for listeners and for the history';
