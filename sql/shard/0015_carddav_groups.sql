-- 0015: groups as cards of the CardDAV book.
--
-- undo: DROP TRIGGER contact_group_numbered; DROP TRIGGER contact_group_renumbered;
-- undo: DROP TABLE contact_group_expected; DROP TABLE contact_group_gone;
-- undo: ALTER TABLE contact_group DROP KEY by_card_name, DROP KEY by_uid, DROP KEY by_rev, DROP COLUMN uid,
-- undo:     DROP COLUMN card_name, DROP COLUMN put_name, DROP COLUMN rev, DROP COLUMN created_rev,
-- undo:     DROP COLUMN sent, DROP COLUMN sent_version, DROP COLUMN sent_rev;
-- undo: ALTER TABLE contact_record DROP COLUMN card_rev, DROP COLUMN card_at;

ALTER TABLE contact_record
    ADD COLUMN IF NOT EXISTS card_rev BIGINT UNSIGNED NULL
        COMMENT 'revision of the last change that a card shows; NULL: rev. A card does not show groups',
    ADD COLUMN IF NOT EXISTS card_at DATETIME(3) NULL
        COMMENT 'UTC; time of the last change that a card shows; NULL: updated_at';

ALTER TABLE contact_group
    ADD COLUMN IF NOT EXISTS uid VARCHAR(255) COLLATE utf8mb4_bin NULL
        COMMENT 'UID of the card; NULL: it has none, and the id stands for it',
    ADD COLUMN IF NOT EXISTS card_name VARCHAR(255) COLLATE utf8mb4_bin NULL
        COMMENT 'last part of the address of the card; NULL: <id>.vcf',
    ADD COLUMN IF NOT EXISTS put_name VARCHAR(255) NULL
        COMMENT 'name that the last PUT made of the FN of the card; NULL: none',
    ADD COLUMN IF NOT EXISTS rev BIGINT UNSIGNED NOT NULL DEFAULT 0
        COMMENT 'revision of the last change that the card shows; a trigger replaces 0 by the next one',
    ADD COLUMN IF NOT EXISTS created_rev BIGINT UNSIGNED NOT NULL DEFAULT 0
        COMMENT 'revision of the creation',
    ADD COLUMN IF NOT EXISTS sent MEDIUMBLOB NULL
        COMMENT 'the card, byte for byte, of the last PUT; NULL: none, or its bytes were not kept',
    ADD COLUMN IF NOT EXISTS sent_version VARCHAR(8) COLLATE ascii_bin NULL
        COMMENT 'version of vCard of sent',
    ADD COLUMN IF NOT EXISTS sent_rev BIGINT UNSIGNED NULL
        COMMENT 'the group is as it was sent while this is its rev',
    ADD UNIQUE KEY IF NOT EXISTS by_card_name (owner_id, card_name),
    ADD KEY IF NOT EXISTS by_uid (owner_id, uid),
    ADD KEY IF NOT EXISTS by_rev (owner_id, rev);

CREATE TABLE IF NOT EXISTS contact_group_expected (
    owner_id CHAR(16) COLLATE ascii_bin NOT NULL,
    uid      VARCHAR(255) COLLATE utf8mb4_bin NOT NULL COMMENT 'UID of a member, without urn:uuid:',
    group_id CHAR(16) COLLATE ascii_bin NOT NULL,
    PRIMARY KEY (owner_id, uid, group_id),
    KEY by_group (owner_id, group_id),
    FOREIGN KEY (owner_id, group_id) REFERENCES contact_group (owner_id, id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'members of the cards of groups that no contact of the book is, yet';

CREATE TABLE IF NOT EXISTS contact_group_gone (
    owner_id    CHAR(16) COLLATE ascii_bin NOT NULL,
    name        VARCHAR(255) COLLATE utf8mb4_bin NOT NULL COMMENT 'last part of the address of the card',
    group_id    CHAR(16) COLLATE ascii_bin NOT NULL,
    rev         BIGINT UNSIGNED NOT NULL COMMENT 'revision of the deletion',
    created_rev BIGINT UNSIGNED NOT NULL COMMENT 'revision of the creation',
    ctime       INT UNSIGNED NOT NULL COMMENT 'of the deletion',
    PRIMARY KEY (owner_id, name),
    KEY by_rev (owner_id, rev)
) ENGINE = InnoDB COMMENT 'names of deleted groups, for CardDAV clients that synchronise';

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS contact_group_expected_moved
BEFORE INSERT ON contact_group_expected FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS contact_group_gone_moved
BEFORE INSERT ON contact_group_gone FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;

-- Groups that are there become cards of the first revision: the form of tokens is new, so every client begins
-- again. The UID is that of the card that the group came in.
INSERT IGNORE INTO contact_ledger (owner_id, rev) SELECT DISTINCT owner_id, 1 FROM contact_group;
UPDATE contact_ledger SET rev = 1 WHERE rev = 0 AND owner_id IN (SELECT g.owner_id FROM contact_group AS g);
UPDATE contact_group SET rev = 1, created_rev = 1 WHERE rev = 0;
UPDATE contact_group
SET uid = LEFT(REGEXP_REPLACE(card, '(?s)^.*\\nUID[^:\\n]*:([^\\n]*)\\n.*$', '\\1'), 255)
WHERE uid IS NULL AND card REGEXP '\\nUID[^:\\n]*:[^\\n]';

-- Seven routines write groups. Each says that a card changes by SET rev = 0, and needs no routine for more.
CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS contact_group_numbered
BEFORE INSERT ON contact_group FOR EACH ROW
    IF NEW.rev = 0 THEN INSERT INTO contact_ledger (owner_id, rev) VALUES (NEW.owner_id, 1)
        ON DUPLICATE KEY UPDATE rev = contact_ledger.rev + 1; SET NEW.rev = (
        SELECT l.rev FROM contact_ledger AS l WHERE l.owner_id = NEW.owner_id
        ), NEW.created_rev = NEW.rev; END IF;

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS contact_group_renumbered
BEFORE UPDATE ON contact_group FOR EACH ROW
    IF NEW.rev = 0 THEN INSERT INTO contact_ledger (owner_id, rev) VALUES (NEW.owner_id, 1)
        ON DUPLICATE KEY UPDATE rev = contact_ledger.rev + 1; SET NEW.rev = (
        SELECT l.rev FROM contact_ledger AS l WHERE l.owner_id = NEW.owner_id
        ); END IF;
