-- 0012: pictures of contacts and groups, kept here so that every node has them, and the answers to POST requests that
-- may be sent twice.
-- undo: DROP TRIGGER picture_moved; DROP TRIGGER request_once_moved; DROP TABLE picture; DROP TABLE request_once;

CREATE TABLE IF NOT EXISTS picture (
    owner_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'whose address book',
    id       CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the contact or group that is shown',
    type     VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'image/png …, found in the content',
    hash     CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the content',
    content  MEDIUMBLOB NOT NULL,
    mtime    INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, id)
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

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS picture_moved BEFORE INSERT ON picture FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS request_once_moved BEFORE INSERT ON request_once FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;
