-- webhook_set: change a subscription. A state of 'active' resumes it at once, whatever has failed before.
--
-- Params:   in_uid      owner; '' for the site
--           in_id       subscription
--           in_fields   JSON: url, label, events, state; those that are absent stay
--           in_secret   new secret, or NULL; the old one signs as well for a day
-- Returns:  at most one row   data  JSON: see webhook_card; no row: there is no such subscription
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_set('00000000000000a1', '0000000000000d01', '{"state": "paused"}', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_set(
    IN in_uid    CHAR(16) COLLATE ascii_bin,
    IN in_id     CHAR(16) COLLATE ascii_bin,
    IN in_fields TEXT COLLATE utf8mb4_bin,
    IN in_secret VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_state VARCHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SET v_state = JSON_VALUE(in_fields, '$.state');
    UPDATE webhook
    SET url = COALESCE(JSON_VALUE(in_fields, '$.url'), url),
        label = COALESCE(JSON_VALUE(in_fields, '$.label'), label),
        events = COALESCE(JSON_VALUE(in_fields, '$.events'), events),
        old_until = IF(in_secret IS NULL, old_until, v_now + 86400),
        old_secret = IF(in_secret IS NULL, old_secret, secret),
        secret = COALESCE(in_secret, secret),
        failures = IF(v_state = 'active', 0, failures),
        failing_since = IF(v_state = 'active', NULL, failing_since),
        next_try = IF(v_state = 'active', 0, next_try),
        state = COALESCE(v_state, state), mtime = v_now
    WHERE id = in_id AND uid = in_uid;

    SELECT data FROM webhook_card WHERE id = in_id AND uid = in_uid;
END$$
DELIMITER ;
