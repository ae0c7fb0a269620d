-- 0006: owners who left this shard. A call that looked up the shard before a move and writes after it would put
-- rows where nobody finds them: the triggers refuse them, and the caller is told to try again.
-- undo: DROP TRIGGER contact_moved; DROP TRIGGER tag_moved; DROP TRIGGER contact_group_moved;
--       DROP TRIGGER message_moved; DROP TRIGGER media_moved; DROP TABLE moved_out;

CREATE TABLE IF NOT EXISTS moved_out (
    owner_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    to_db    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    ctime    INT UNSIGNED NOT NULL,
    PRIMARY KEY (owner_id)
) ENGINE = InnoDB COMMENT 'owners who live in another shard now';

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS contact_moved BEFORE INSERT ON contact FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS tag_moved BEFORE INSERT ON tag FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS contact_group_moved BEFORE INSERT ON contact_group FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS message_moved BEFORE INSERT ON message FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS media_moved BEFORE INSERT ON media FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;
