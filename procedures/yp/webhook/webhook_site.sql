-- webhook_site: let the subscriptions of the site follow its settings: add those that are new, change those
-- that differ, resume those that have failed, and end those that are gone.
--
-- A new secret leaves the former one to sign as well for a day.
--
-- Callers:  the start of the service (service/webhooks/site.py)
-- Params:   in_webhooks   JSON array of id, name, url, events and secret
-- Returns:  one row       changed: subscriptions that were added, changed or resumed; ended: those that ended
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_site('[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_site(
    IN in_webhooks LONGTEXT COLLATE utf8mb4_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_changed, v_ended INT UNSIGNED DEFAULT 0;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE webhook
    SET uid = 'ended', state = 'ended', claim = NULL, leased_until = 0, mtime = v_now
    WHERE uid = '' AND id NOT IN (
        SELECT j.id FROM JSON_TABLE(in_webhooks, '$[*]' COLUMNS (
            id CHAR(16) COLLATE ascii_bin PATH '$.id'
        )) AS j
    );
    SET v_ended = ROW_COUNT();

    FOR w IN (
        SELECT j.id, j.name, j.url, j.events, j.secret
        FROM JSON_TABLE(in_webhooks, '$[*]' COLUMNS (
            id     CHAR(16) COLLATE ascii_bin PATH '$.id',
            name   VARCHAR(64) COLLATE utf8mb4_bin PATH '$.name',
            url    VARCHAR(2048) COLLATE utf8mb4_bin PATH '$.url',
            events VARCHAR(1024) COLLATE ascii_bin PATH '$.events',
            secret VARCHAR(64) COLLATE ascii_bin PATH '$.secret'
        )) AS j
        LEFT JOIN webhook AS h ON h.id = j.id AND h.uid = '' AND h.state = 'active' AND h.url = j.url
                              AND h.events = j.events AND h.secret = j.secret
        -- unlocked: processes that start together write the same
        WHERE h.id IS NULL
        ORDER BY j.id
    ) DO
        INSERT INTO webhook (id, uid, url, label, events, secret, ctime, mtime)
        VALUES (w.id, '', w.url, w.name, w.events, w.secret, v_now, v_now)
        ON DUPLICATE KEY UPDATE
            uid = '', url = w.url, events = w.events,
            old_until = IF(secret = w.secret, old_until, v_now + 86400),
            old_secret = IF(secret = w.secret, old_secret, secret),
            secret = w.secret, failures = 0, failing_since = NULL, next_try = 0, state = 'active',
            mtime = v_now;
        SET v_changed = v_changed + 1;
    END FOR;

    SELECT v_changed AS changed, v_ended AS ended;
END$$
DELIMITER ;
