-- 0004: calls and meetings that survive a dropped connection, and links that let guests in.
--
-- socket: a WebSocket that drops while it is in a room is `lost` for a grace period before it is forgotten;
-- the next socket of the same session takes its place and remembers whose it was.
-- call_invitation: two hubs may name their rooms alike, so the hub is part of the key.
-- undo: ALTER TABLE socket DROP KEY by_lost, DROP COLUMN was, DROP COLUMN lost_at,
--       MODIFY state ENUM ('active', 'idle') NOT NULL DEFAULT 'active';
--       ALTER TABLE call_invitation DROP PRIMARY KEY, ADD PRIMARY KEY (room_id, callee_id), DROP KEY by_mtime;
--       ALTER TABLE permission DROP KEY by_expiry; DROP TABLE dmz_link;

ALTER TABLE socket
    MODIFY state ENUM ('active', 'idle', 'lost') NOT NULL DEFAULT 'active',
    ADD COLUMN IF NOT EXISTS lost_at INT UNSIGNED NULL COMMENT 'when the connection broke',
    ADD COLUMN IF NOT EXISTS was VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL
        COMMENT 'the lost socket whose place in a room this one took',
    ADD KEY IF NOT EXISTS by_lost (state, lost_at);

ALTER TABLE call_invitation
    DROP PRIMARY KEY,
    ADD PRIMARY KEY (hub_id, room_id, callee_id),
    ADD KEY IF NOT EXISTS by_mtime (mtime);

ALTER TABLE permission
    ADD KEY IF NOT EXISTS by_expiry (expiry);

CREATE TABLE IF NOT EXISTS dmz_link (
    id      CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the secret in the link',
    hub_id  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    room_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    title   VARCHAR(255) NOT NULL DEFAULT '',
    level   TINYINT UNSIGNED NOT NULL DEFAULT 2 COMMENT 'what its guests may do in the room',
    expiry  INT UNSIGNED NOT NULL COMMENT '0 never',
    ctime   INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_room (hub_id, room_id),
    KEY by_expiry (expiry),
    FOREIGN KEY (hub_id) REFERENCES entity (id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'links that let people without an account into one room';
