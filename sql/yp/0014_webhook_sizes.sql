-- 0014: bound what waits for a webhook by its bytes as well: webhook_bound adds them up from an index.
--
-- undo: ALTER TABLE webhook_delivery DROP KEY by_size, DROP COLUMN size;

ALTER TABLE webhook_delivery
    ADD COLUMN IF NOT EXISTS size INT UNSIGNED AS (LENGTH(data)) PERSISTENT COMMENT 'bytes of data',
    ADD KEY IF NOT EXISTS by_size (state, webhook_id, size);
