-- 0004: who answered a call, and what the hosts of a room decide: title, lock, limits, bans.
--
-- undo: DROP TABLE conference_ban;
-- undo: ALTER TABLE conference DROP COLUMN mute_asked;
-- undo: ALTER TABLE conference_room DROP COLUMN title, DROP COLUMN started_at, DROP COLUMN locked,
-- undo:     DROP COLUMN people, DROP COLUMN minutes;
-- undo: ALTER TABLE call_invitation DROP COLUMN answered_socket;

ALTER TABLE call_invitation
    ADD COLUMN IF NOT EXISTS answered_socket VARCHAR(32) COLLATE ascii_bin NULL
        COMMENT 'socket of the callee that picked up';

ALTER TABLE conference_room
    ADD COLUMN IF NOT EXISTS title VARCHAR(255) NOT NULL DEFAULT '' COMMENT 'empty: the name of the node',
    ADD COLUMN IF NOT EXISTS started_at INT UNSIGNED NULL COMMENT 'time when the first host entered',
    ADD COLUMN IF NOT EXISTS locked ENUM ('nobody', 'guests', 'everybody') NOT NULL DEFAULT 'nobody'
        COMMENT 'who waits until a host lets them in',
    ADD COLUMN IF NOT EXISTS people INT UNSIGNED NOT NULL DEFAULT 0
        COMMENT 'participants at most; 0: no limit',
    ADD COLUMN IF NOT EXISTS minutes INT UNSIGNED NOT NULL DEFAULT 0
        COMMENT 'the room ends so long after its start; 0: no limit';

ALTER TABLE conference
    ADD COLUMN IF NOT EXISTS mute_asked TINYINT NOT NULL DEFAULT 0
        COMMENT '1: a host has asked for silence, and the client has not obeyed yet';

CREATE TABLE IF NOT EXISTS conference_ban (
    hub_id  CHAR(16) COLLATE ascii_bin NOT NULL,
    room_id VARCHAR(64) COLLATE ascii_bin NOT NULL,
    who     CHAR(64) COLLATE ascii_bin NOT NULL COMMENT 'uid; of a guest, the session',
    ctime   INT UNSIGNED NOT NULL,
    PRIMARY KEY (hub_id, room_id, who),
    FOREIGN KEY (hub_id, room_id) REFERENCES conference_room (hub_id, id) ON DELETE CASCADE
) ENGINE = InnoDB COMMENT 'who stays out of a room until it ends';
