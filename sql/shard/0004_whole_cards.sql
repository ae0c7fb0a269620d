-- 0004: what no column of a contact holds, and the cards in which contacts came.
--
-- undo: DROP TABLE contact_vcard;
-- undo: ALTER TABLE contact DROP COLUMN extra;

ALTER TABLE contact
    ADD COLUMN IF NOT EXISTS extra JSON NULL
        COMMENT 'an object of lists: what a card says and no column holds; NULL: nothing';

CREATE TABLE IF NOT EXISTS contact_vcard (
    owner_id   CHAR(16) COLLATE ascii_bin NOT NULL,
    name       VARCHAR(255) COLLATE utf8mb4_bin NOT NULL COMMENT 'last part of the address of the card',
    contact_id CHAR(16) COLLATE ascii_bin NOT NULL,
    uid        VARCHAR(255) COLLATE utf8mb4_bin NULL
        COMMENT 'UID of the card; NULL: it has none, or another card has it; the contact stands for it',
    rev        BIGINT UNSIGNED NOT NULL
        COMMENT 'revision of the contact at the time when the card was stored, or of its deletion',
    card       MEDIUMTEXT NULL COMMENT 'the card, decoded and unfolded; NULL: a tombstone',
    PRIMARY KEY (owner_id, name),
    UNIQUE KEY by_contact (owner_id, contact_id),
    UNIQUE KEY by_uid (owner_id, uid)
) ENGINE = InnoDB COMMENT 'contacts as they came in vCards; contact_render leaves the names of purged ones';

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS contact_vcard_moved
BEFORE INSERT ON contact_vcard FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;
