-- 0013: subscriptions to events, and the outbox of their deliveries (docs/decisions/webhooks.md).
--
-- undo: DROP TABLE webhook_delivery;
-- undo: DROP TABLE webhook;

CREATE TABLE IF NOT EXISTS webhook (
    id            CHAR(16) COLLATE ascii_bin NOT NULL,
    uid           CHAR(16) COLLATE ascii_bin NOT NULL COMMENT 'person; empty: the whole site',
    url           VARCHAR(2048) COLLATE utf8mb4_bin NOT NULL,
    label         VARCHAR(64) NOT NULL DEFAULT '',
    events        VARCHAR(1024) COLLATE ascii_bin NOT NULL
        COMMENT 'types, contact.*, or *, separated by commas',
    secret        VARCHAR(64) COLLATE ascii_bin NOT NULL,
    old_secret    VARCHAR(64) COLLATE ascii_bin NULL COMMENT 'signs as well, until old_until',
    old_until     INT UNSIGNED NOT NULL DEFAULT 0,
    state         ENUM ('active', 'paused', 'failed', 'ended') NOT NULL DEFAULT 'active'
        COMMENT 'paused: by its owner; failed: after a day of failures; ended: its events are being deleted',
    is_full       TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT '1: too many events wait, new ones are dropped',
    failures      INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'since the last success',
    failing_since INT UNSIGNED NULL,
    last_error    VARCHAR(64) NOT NULL DEFAULT '',
    last_success  INT UNSIGNED NULL,
    next_try      INT UNSIGNED NOT NULL DEFAULT 0
        COMMENT 'after a failure: the next attempt; else the end of the last turn, which orders the turns',
    claim         CHAR(16) COLLATE ascii_bin NULL COMMENT 'turn of the process that sends now',
    leased_until  INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'from then on, other processes may send',
    ctime         INT UNSIGNED NOT NULL,
    mtime         INT UNSIGNED NOT NULL,
    PRIMARY KEY (id),
    KEY by_uid (uid, ctime),
    KEY by_turn (state, next_try)
) ENGINE = InnoDB COMMENT 'subscriptions: URLs that get events';

CREATE TABLE IF NOT EXISTS webhook_delivery (
    id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT COMMENT 'the order of deliveries',
    webhook_id CHAR(16) COLLATE ascii_bin NOT NULL,
    type       VARCHAR(32) COLLATE ascii_bin NOT NULL,
    at         BIGINT UNSIGNED NOT NULL COMMENT 'time of the event, milliseconds since 1970',
    data       LONGTEXT COLLATE utf8mb4_bin NOT NULL COMMENT 'JSON',
    state      ENUM ('pending', 'delivered') NOT NULL DEFAULT 'pending',
    attempts   INT UNSIGNED NOT NULL DEFAULT 0,
    status     SMALLINT UNSIGNED NULL COMMENT 'HTTP status of the last answer',
    error      VARCHAR(64) NOT NULL DEFAULT '' COMMENT 'of the last attempt',
    tried_at   INT UNSIGNED NULL,
    PRIMARY KEY (id),
    KEY by_turn (state, webhook_id, id),
    KEY by_webhook (webhook_id, id),
    KEY by_age (at)
) ENGINE = InnoDB COMMENT 'events for subscriptions: those that wait, and those of the last three days';
