-- 0008: the trash. A contact that is thrown away leaves the table contact altogether: whatever reads address books
-- is blind to it without a condition of its own, and its addresses are free for another entry.
-- undo: DROP TABLE contact_trash;

CREATE TABLE IF NOT EXISTS contact_trash (
    owner_id   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'whose trash',
    id         CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'id of the contact, the same before and after',
    peer_id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'drumate behind the entity, when registered',
    display    VARCHAR(255) NOT NULL,
    book       JSON NOT NULL COMMENT 'contact, and what hung on it: email, mobile, address, tag and group (ids)',
    deleted_at INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, id),
    KEY by_date (owner_id, deleted_at, id),
    KEY by_peer (owner_id, peer_id)
) ENGINE = InnoDB;
