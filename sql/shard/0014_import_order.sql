-- 0014: imports of one second are listed in the order in which they began.
--
-- undo: ALTER TABLE import_report DROP COLUMN began_at;

ALTER TABLE import_report
    ADD COLUMN IF NOT EXISTS began_at DATETIME(6) NOT NULL DEFAULT UTC_TIMESTAMP(6)
        COMMENT 'UTC; orders the imports of one second';
