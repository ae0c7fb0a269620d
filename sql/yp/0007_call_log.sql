-- 0007: when a call was answered and ended, and whether the service has logged it.
--
-- undo: ALTER TABLE call_invitation DROP KEY by_log, DROP COLUMN answered_at, DROP COLUMN ended_at,
-- undo:     DROP COLUMN logged_at;

ALTER TABLE call_invitation
    ADD COLUMN IF NOT EXISTS answered_at BIGINT UNSIGNED NULL
        COMMENT 'milliseconds since 1970: the callee entered the room',
    ADD COLUMN IF NOT EXISTS ended_at BIGINT UNSIGNED NULL
        COMMENT 'milliseconds since 1970: one side of an accepted call left',
    ADD COLUMN IF NOT EXISTS logged_at BIGINT UNSIGNED NULL
        COMMENT 'milliseconds since 1970: the end is logged in both conversations',
    ADD KEY IF NOT EXISTS by_log (logged_at, status, ended_at);

-- calls that clients have logged; calls that go on are logged when they end
UPDATE call_invitation
SET answered_at = IF(status = 'accepted', mtime * 1000, NULL),
    logged_at = IF(status = 'accepted' AND EXISTS (
        SELECT 1 FROM conference AS c
        WHERE c.hub_id = call_invitation.hub_id AND c.room_id = call_invitation.room_id
    ), NULL, mtime * 1000)
WHERE status <> 'ringing' AND logged_at IS NULL AND answered_at IS NULL;
