-- 0009: find the rooms whose time is over by an index.
--
-- undo: ALTER TABLE conference_room DROP KEY by_end, DROP COLUMN ends_at;

ALTER TABLE conference_room
    ADD COLUMN IF NOT EXISTS ends_at BIGINT UNSIGNED
        AS (IF(minutes > 0, started_at + CAST(minutes AS UNSIGNED) * 60, NULL)) VIRTUAL
        COMMENT 'when its time is over; NULL: no limit, or not started',
    ADD KEY IF NOT EXISTS by_end (ends_at);
