-- 0002: which node of a cluster all service processes use.
--
-- undo: DROP TABLE home;
CREATE TABLE IF NOT EXISTS home (
    id    TINYINT UNSIGNED NOT NULL,
    epoch INT UNSIGNED NOT NULL COMMENT 'number of the agreement, from 1',
    node  VARCHAR(255) NOT NULL COMMENT 'what the server calls itself, name:port',
    ctime INT UNSIGNED NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB COMMENT 'one row: the node of the cluster that all processes use';
