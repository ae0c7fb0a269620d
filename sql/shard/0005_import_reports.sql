-- 0005: reports of imports, and what an import did not simply load.
--
-- undo: DROP TABLE import_entry, import_report;

CREATE TABLE IF NOT EXISTS import_report (
    owner_id CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'user whose address book it is',
    id       CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'import id',
    api      VARCHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'rpc, rest or shell',
    kind     VARCHAR(8) COLLATE ascii_bin NOT NULL COMMENT 'vcf, csv or list',
    filename VARCHAR(255) NOT NULL DEFAULT '',
    mode     ENUM ('add', 'replace', 'skip') NOT NULL COMMENT 'what happens to known contacts',
    state    ENUM ('running', 'done', 'cancelled', 'failed') NOT NULL DEFAULT 'running',
    reason   VARCHAR(64) COLLATE ascii_bin NULL COMMENT 'of a failure: interrupted, timeout, a code …',
    percent  TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'of the bytes of the file that are read',
    loaded   INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'new contacts',
    updated  INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'known contacts that were changed',
    known    INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'known contacts that stayed as they were',
    rejected INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'contacts that could not be taken',
    noemail  INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'those of them that have no address',
    details  JSON NOT NULL DEFAULT '{}' COMMENT 'how the file was read: encoding, columns …',
    head     MEDIUMTEXT NULL COMMENT 'lines of a table before its first row',
    ctime    INT UNSIGNED NOT NULL,
    beat     INT UNSIGNED NOT NULL COMMENT 'unix time of the last sign of life',
    ended    INT UNSIGNED NULL,
    PRIMARY KEY (owner_id, id),
    KEY by_age (ctime),
    KEY by_beat (state, beat)
) ENGINE = InnoDB COMMENT 'imports of the last week';

CREATE TABLE IF NOT EXISTS import_entry (
    owner_id   CHAR(16) COLLATE ascii_bin NOT NULL,
    import_id  CHAR(16) COLLATE ascii_bin NOT NULL,
    position   INT UNSIGNED NOT NULL COMMENT 'of the contact in the file, from 1',
    line       INT UNSIGNED NOT NULL,
    outcome    ENUM ('rejected', 'known', 'updated', 'incomplete') NOT NULL,
    name       VARCHAR(255) NOT NULL COMMENT 'as the file calls the person',
    reason     VARCHAR(255) NOT NULL DEFAULT '',
    contact_id CHAR(16) COLLATE ascii_bin NULL COMMENT 'the contact that was known',
    changes    JSON NULL COMMENT 'added: what the contact got; missing, losses: what it did not get',
    source     MEDIUMTEXT NULL COMMENT 'text of a rejected card or row; NULL: too long, or not rejected',
    PRIMARY KEY (owner_id, import_id, outcome, position),
    FOREIGN KEY (owner_id, import_id) REFERENCES import_report (owner_id, id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'contacts of imported files that were not simply loaded';

CREATE DEFINER = 'drumee_definer'@'localhost' TRIGGER IF NOT EXISTS import_report_moved
BEFORE INSERT ON import_report FOR EACH ROW
    IF EXISTS (SELECT 1 FROM moved_out AS m WHERE m.owner_id = NEW.owner_id) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING'; END IF;
