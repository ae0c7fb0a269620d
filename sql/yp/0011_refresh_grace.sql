-- 0011: the time at which a refresh token was used first, which begins its grace period.
--
-- undo: UPDATE api_refresh SET used = 1 WHERE used > 0;
-- undo: ALTER TABLE api_refresh MODIFY COLUMN used TINYINT UNSIGNED NOT NULL DEFAULT 0;

ALTER TABLE api_refresh
    MODIFY COLUMN used INT UNSIGNED NOT NULL DEFAULT 0
        COMMENT 'time of its first use, 0: unused; a use long after means that the token was stolen';
