-- 0008: rooms that are recorded.
--
-- undo: ALTER TABLE conference_room DROP COLUMN recording_since;

ALTER TABLE conference_room
    ADD COLUMN IF NOT EXISTS recording_since INT UNSIGNED NULL COMMENT 'NULL: nothing is recorded';
