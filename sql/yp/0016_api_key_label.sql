-- 0016: what an API key is called.
-- undo: ALTER TABLE api_key DROP COLUMN label;

ALTER TABLE api_key
    ADD COLUMN IF NOT EXISTS label VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'what it is for, in words of people';
