-- 0003: visits to another site that have to come back (OAuth).
-- undo: DROP TABLE redirect_state;

CREATE TABLE IF NOT EXISTS redirect_state (
    id       CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of the state in the address',
    uid      CHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'who left',
    verifier VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'PKCE: proves that it is we who come back',
    expiry   INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_expiry (expiry)
) ENGINE = InnoDB COMMENT 'single use, ten minutes';
