-- 0006: WebSockets that broke keep their row, and are remembered for a day.
--
-- undo: DROP TABLE lost_socket;
-- undo: ALTER TABLE socket DROP KEY by_end, DROP COLUMN free_at;
-- undo: ALTER TABLE call_invitation DROP KEY by_answer, DROP KEY by_call;

ALTER TABLE socket
    ADD COLUMN IF NOT EXISTS free_at INT UNSIGNED NULL
        COMMENT 'lost: when it leaves its rooms and is deleted',
    ADD KEY IF NOT EXISTS by_end (state, free_at);

CREATE TABLE IF NOT EXISTS lost_socket (
    id         VARCHAR(32) COLLATE ascii_bin NOT NULL,
    session_id CHAR(64) COLLATE ascii_bin NOT NULL,
    heard_at   INT UNSIGNED NOT NULL COMMENT 'last sign of life',
    lost_at    INT UNSIGNED NOT NULL COMMENT 'when the service noticed that the connection broke',
    rooms      LONGTEXT NOT NULL COMMENT 'JSON array of {hub, room, type}: its seats at that time',
    PRIMARY KEY (id),
    KEY by_time (lost_at)
) ENGINE = InnoDB COMMENT 'connections that broke: tells a page that comes back what it has missed';

ALTER TABLE call_invitation
    ADD KEY IF NOT EXISTS by_answer (callee_id, status, mtime),
    ADD KEY IF NOT EXISTS by_call (caller_id, mtime);
