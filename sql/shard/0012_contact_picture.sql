-- 0012: pictures of contacts, kept here so that every node has them, and the answers to POST requests that may be
-- sent twice. A picture outlives the trash, so it hangs on no row of contact; my_contact_touch takes it away.
-- undo: DROP TRIGGER contact_picture_moved; DROP TRIGGER request_once_moved; DROP TABLE contact_picture; DROP TABLE request_once;

CREATE TABLE IF NOT EXISTS contact_picture (
    owner_id   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'whose address book',
    contact_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'who is shown',
    type       VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'image/png …, found in the content',
    hash       CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the content',
    content    MEDIUMBLOB NOT NULL,
    mtime      INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, contact_id)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS request_once (
    owner_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'who sent it',
    id       CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the path and the Idempotency-Key',
    body     CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the body',
    answer   MEDIUMTEXT NULL COMMENT 'what was answered, as JSON; NULL only inside the transaction that finds out',
    expiry   INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, id),
    KEY by_expiry (owner_id, expiry)
) ENGINE = InnoDB;

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS contact_picture_moved BEFORE INSERT ON contact_picture FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS request_once_moved BEFORE INSERT ON request_once FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;
