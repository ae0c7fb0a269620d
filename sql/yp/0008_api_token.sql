-- 0008: tokens of the other contact API. They travel in query strings, so they open that API and nothing else:
-- a session of the RPC is never found by one.
-- undo: DROP TABLE api_token;

CREATE TABLE IF NOT EXISTS api_token (
    id     CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the token',
    uid    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    mark   CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
        COMMENT 'SHA-256 of the password hash it was given for: with another password the token is void',
    ttl    INT UNSIGNED NOT NULL COMMENT 'seconds a token lives without being used',
    expiry INT UNSIGNED NOT NULL,
    ctime  INT UNSIGNED NOT NULL,
    mtime  INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_uid (uid),
    KEY by_expiry (expiry)
) ENGINE = InnoDB;
