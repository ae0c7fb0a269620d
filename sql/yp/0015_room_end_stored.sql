-- 0015: store the time at which a room ends. 0009 has an index on a virtual column, whose purge has crashed
-- MariaDB in several releases (MDEV-13795, MDEV-15165 and their kin).
--
-- undo: ALTER TABLE conference_room DROP KEY by_end, DROP COLUMN ends_at, and the statement of 0009

-- one statement: conference_overdue always finds the column
ALTER TABLE conference_room
    DROP KEY IF EXISTS by_end,
    DROP COLUMN IF EXISTS ends_at,
    ADD COLUMN ends_at BIGINT UNSIGNED
        AS (IF(minutes > 0, started_at + CAST(minutes AS UNSIGNED) * 60, NULL)) PERSISTENT
        COMMENT 'when its time is over; NULL: no limit, or not started',
    ADD KEY by_end (ends_at);
