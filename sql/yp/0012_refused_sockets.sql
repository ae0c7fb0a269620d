-- 0012: which lost WebSockets were refused, one after the other: their frames go to the same page.
--
-- undo: ALTER TABLE lost_socket DROP KEY by_predecessor, DROP COLUMN was;

ALTER TABLE lost_socket
    ADD COLUMN IF NOT EXISTS was VARCHAR(32) COLLATE ascii_bin NULL
        COMMENT 'its page was refused, and has never heard of this socket: the one before',
    ADD KEY IF NOT EXISTS by_predecessor (was);
