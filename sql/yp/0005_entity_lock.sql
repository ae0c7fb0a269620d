-- 0005: a row that is written as the lock of a user or hub.
--
-- undo: DROP TABLE entity_lock;
CREATE TABLE IF NOT EXISTS entity_lock (
    id     CHAR(16) COLLATE ascii_bin NOT NULL,
    locked BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'number of locks after the first one',
    PRIMARY KEY (id)
) ENGINE = InnoDB COMMENT 'locks of users and hubs: of two nodes that write one row, a cluster lets one pass';
