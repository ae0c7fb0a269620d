-- 0010: each contact as the REST API shows it, ready to be sent, with what sorts and finds it, and what changed when.
-- All of it is derived (my_contact_touch) from contact and what hangs on it.
-- undo: DROP TABLE contact_stale; DROP TABLE contact_event; DROP TABLE contact_index; DROP TABLE contact_record;
--       DROP TABLE contact_ledger;

CREATE TABLE IF NOT EXISTS contact_ledger (
    owner_id      CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    rev           BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'grows with each change; its lock puts changes in order',
    forgotten_rev BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'newest tombstone that was dropped',
    event_rev     BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'newest event that was dropped',
    active        INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'records that are active',
    deleted       INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'records in the trash',
    PRIMARY KEY (owner_id)
) ENGINE = InnoDB COMMENT 'one row an owner';

CREATE TABLE IF NOT EXISTS contact_record (
    owner_id     CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    contact_id   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    rev          BIGINT UNSIGNED NOT NULL COMMENT 'of the ledger, when the record last changed',
    created_rev  BIGINT UNSIGNED NOT NULL COMMENT 'of its first appearance',
    restored_rev BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of its last return from the trash',
    state        ENUM ('active', 'deleted', 'purged') NOT NULL COMMENT 'purged: a tombstone for those who synchronise',
    created_at   DATETIME(3) NOT NULL COMMENT 'UTC',
    updated_at   DATETIME(3) NOT NULL COMMENT 'UTC',
    deleted_at   DATETIME(3) NULL COMMENT 'UTC; trashed or purged',
    merged_into  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'contact that took it in',
    digest       BINARY(16) NOT NULL COMMENT 'of the record without updated_at and deleted_at',
    record       JSON NOT NULL,
    PRIMARY KEY (owner_id, contact_id),
    KEY by_rev (owner_id, rev),
    KEY by_state (owner_id, state, deleted_at)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS contact_index (
    owner_id   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    is_deleted TINYINT NOT NULL COMMENT '1: in the trash',
    kind       ENUM ('display_name', 'company', 'created_at', 'updated_at', 'source', 'tag', 'text', 'name', 'phone') NOT NULL
        COMMENT 'the first four sort; name and phone find duplicates',
    word       VARCHAR(255) COLLATE utf8mb4_unicode_520_ci NOT NULL,
    contact_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    name       VARCHAR(64) COLLATE utf8mb4_unicode_520_ci NOT NULL DEFAULT '' COMMENT 'start of the display name, to sort what is found',
    PRIMARY KEY (owner_id, is_deleted, kind, word, contact_id),
    KEY by_contact (owner_id, contact_id, kind, word)
) ENGINE = InnoDB COMMENT 'what records are sorted by and found by, case and accents ignored';

CREATE TABLE IF NOT EXISTS contact_event (
    owner_id   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    rev        BIGINT UNSIGNED NOT NULL,
    contact_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    event      ENUM ('created', 'updated', 'deleted', 'restored', 'purged') NOT NULL,
    PRIMARY KEY (owner_id, rev)
) ENGINE = InnoDB COMMENT 'the last thousand changes of an owner, for who listens';

CREATE TABLE IF NOT EXISTS contact_stale (
    owner_id   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    contact_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    PRIMARY KEY (owner_id, contact_id)
) ENGINE = InnoDB COMMENT 'contacts whose record is to be made again, soon (contact_catch_up)';
