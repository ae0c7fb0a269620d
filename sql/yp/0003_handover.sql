-- 0003: WebSockets that a process hands over before it stops.
--
-- undo: ALTER TABLE node DROP COLUMN leaving;
-- undo: ALTER TABLE socket DROP KEY by_predecessor;

ALTER TABLE node
    ADD COLUMN IF NOT EXISTS leaving TINYINT UNSIGNED NOT NULL DEFAULT 0
        COMMENT '1: it is about to stop, and takes no more sockets';

ALTER TABLE socket
    ADD KEY IF NOT EXISTS by_predecessor (was);
