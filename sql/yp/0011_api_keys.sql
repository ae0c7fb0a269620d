-- 0011: who may call /api/v1. Keys that programs hold, sign-ins of people with their refresh tokens, and the secret
-- that signs access tokens on every node.
-- undo: DROP TABLE api_key; DROP TABLE api_refresh; DROP TABLE api_grant; DROP TABLE api_secret;

CREATE TABLE IF NOT EXISTS api_key (
    id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    uid   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'whose key; for scope agent also who it acts for',
    hash  CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the key',
    hint  CHAR(8) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'how the key begins, to tell it from others',
    scope ENUM('agent', 'system', 'sync') NOT NULL,
    ctime INT UNSIGNED NOT NULL,
    mtime INT UNSIGNED NOT NULL COMMENT 'last use, within 5 minutes; 0: never',
    PRIMARY KEY (id),
    UNIQUE KEY by_hash (hash),
    KEY by_uid (uid)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS api_grant (
    id     CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'in every access token of this sign-in',
    uid    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    mark   CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL
        COMMENT 'SHA-256 of the password hash it was given for: with another password it is void',
    expiry INT UNSIGNED NOT NULL,
    ctime  INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_uid (uid),
    KEY by_expiry (expiry)
) ENGINE = InnoDB COMMENT 'sign-ins';

CREATE TABLE IF NOT EXISTS api_refresh (
    id       CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the refresh token',
    grant_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    used     TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '1: seen again, it is a thief or his victim',
    expiry   INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_grant (grant_id),
    KEY by_expiry (expiry)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS api_secret (
    id     TINYINT UNSIGNED NOT NULL,
    secret CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT '32 random bytes, hex',
    ctime  INT UNSIGNED NOT NULL,
    PRIMARY KEY (id)
) ENGINE = InnoDB COMMENT 'one row, made by the node that needs it first';
