-- webhook_add: subscribe a URL to events of a person or of the site.
--
-- Params:   in_uid      person; '' for the whole site
--           in_id       id of the subscription
--           in_url      URL
--           in_label    purpose, in the words of the owner
--           in_events   types, contact.*, or *, separated by commas
--           in_secret   whsec_…, which signs
--           in_limit    subscriptions that a person may have
-- Returns:  one row     data  JSON: see webhook_card
-- Errors:   WEBHOOK_LIMIT   the person has as many already
-- Needs:    a transaction
-- Example:  CALL webhook_add('00000000000000a1', '0000000000000001', 'https://hook.example/', '', '*',
--           'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz', 10);
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_add(
    IN in_uid    CHAR(16) COLLATE ascii_bin,
    IN in_id     CHAR(16) COLLATE ascii_bin,
    IN in_url    VARCHAR(2048) COLLATE utf8mb4_bin,
    IN in_label  VARCHAR(64),
    IN in_events VARCHAR(1024) COLLATE ascii_bin,
    IN in_secret VARCHAR(64) COLLATE ascii_bin,
    IN in_limit  INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    IF in_uid <> '' THEN
        CALL contact_pair_lock(in_uid, NULL, NULL);
        -- unlocked: the lock above lets one call of a person pass
        IF (SELECT COUNT(*) FROM webhook WHERE uid = in_uid) >= in_limit THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'WEBHOOK_LIMIT';
        END IF;
    END IF;
    INSERT INTO webhook (id, uid, url, label, events, secret, ctime, mtime)
    VALUES (in_id, in_uid, in_url, in_label, in_events, in_secret, v_now, v_now);

    SELECT data FROM webhook_card WHERE id = in_id;
END$$
DELIMITER ;
