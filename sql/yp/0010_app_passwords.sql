-- 0010: keys of scope carddav, the app passwords of phones and mail programs.
--
-- no undo: the keys of scope carddav would need another one. Revoke them, then take the word out of the list.

ALTER TABLE api_key
    MODIFY COLUMN scope ENUM ('agent', 'system', 'sync', 'carddav') NOT NULL,
    COMMENT = 'keys of programs that call /api/v1, and app passwords (scope carddav)';
