-- 0005: a number for every coming and going in a room. Pushes of two processes may overtake each other;
-- with it a client can tell which news is newer than what it has read.
-- undo: ALTER TABLE conference_room DROP COLUMN serial;

ALTER TABLE conference_room
    ADD COLUMN IF NOT EXISTS serial BIGINT UNSIGNED NOT NULL DEFAULT 0
        COMMENT 'of the latest coming or going: microseconds since 1970, and always growing';
