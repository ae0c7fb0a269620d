-- 0006: who is being moved to another shard; the gate answers 503 for them until the row is gone or too old.
-- undo: DROP TABLE entity_move;

CREATE TABLE IF NOT EXISTS entity_move (
    entity_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    from_db   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    to_db     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    until     INT UNSIGNED NOT NULL COMMENT 'a move that was killed blocks nobody for longer',
    ctime     INT UNSIGNED NOT NULL,
    PRIMARY KEY (entity_id)
) ENGINE = InnoDB COMMENT 'moves that are under way';
