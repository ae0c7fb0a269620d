-- 0003: files of messages.
--
-- undo: DROP TABLE attachment_part, attachment;

CREATE TABLE IF NOT EXISTS attachment (
    owner_id   CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'whose quota it counts against: author, or hub',
    id         CHAR(32) COLLATE ascii_bin NOT NULL COMMENT 'id of the upload',
    message_id CHAR(16) COLLATE ascii_bin NULL COMMENT 'NULL: not sent yet',
    peer_id    CHAR(16) COLLATE ascii_bin NULL COMMENT 'the other side; NULL: not sent, or in a hub',
    own_copy   TINYINT NOT NULL DEFAULT 1 COMMENT '0: the message of the owner is deleted',
    peer_copy  TINYINT NOT NULL DEFAULT 0 COMMENT '1: the other side has the message',
    filename   VARCHAR(255) NOT NULL,
    mimetype   VARCHAR(64) COLLATE ascii_bin NOT NULL COMMENT 'detected from the content',
    filesize   INT UNSIGNED NOT NULL,
    ctime      INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id, id),
    KEY by_message (owner_id, message_id)
) ENGINE = InnoDB COMMENT 'files of messages; both sides of a conversation share one';

CREATE TABLE IF NOT EXISTS attachment_part (
    owner_id CHAR(16) COLLATE ascii_bin NOT NULL,
    id       CHAR(32) COLLATE ascii_bin NOT NULL,
    position SMALLINT UNSIGNED NOT NULL,
    content  MEDIUMBLOB NOT NULL,
    PRIMARY KEY (owner_id, id, position),
    FOREIGN KEY (owner_id, id) REFERENCES attachment (owner_id, id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'contents of attachments; they move and are backed up with their owner';

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS attachment_moved
BEFORE INSERT ON attachment FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;
