-- webhook_claim: claim subscriptions whose events are due, so that no other process sends them meanwhile.
--
-- The claim of a process that dies ends with the lease.
--
-- Params:   in_claim   id of this turn
--           in_limit   subscriptions at most
--           in_lease   seconds until other processes may send
-- Returns:  rows       id, url, secret, old_secret (NULL: one secret signs)
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_claim('0000000000000001', 10, 60);
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_claim(
    IN in_claim CHAR(16) COLLATE ascii_bin,
    IN in_limit INT UNSIGNED,
    IN in_lease INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_ids LONGTEXT COLLATE utf8mb4_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- from the events: most subscriptions have none that waits
    -- unlocked: each is tested again when it is claimed
    SELECT JSON_ARRAYAGG(t.id) INTO v_ids
    FROM (
        SELECT h.id
        FROM (
            -- with the state: then each subscription is read once, not each event
            SELECT DISTINCT d.state, d.webhook_id
            FROM webhook_delivery AS d FORCE INDEX (by_turn)
            WHERE d.state = 'pending'
        ) AS p
        JOIN webhook AS h ON h.id = p.webhook_id
        WHERE h.state = 'active' AND h.next_try <= v_now AND h.leased_until <= v_now
        ORDER BY h.next_try
        LIMIT in_limit
    ) AS t;

    IF v_ids IS NOT NULL THEN
        UPDATE JSON_TABLE(v_ids, '$[*]' COLUMNS (id CHAR(16) COLLATE ascii_bin PATH '$')) AS j
        STRAIGHT_JOIN webhook AS w ON w.id = j.id
        SET w.claim = in_claim, w.leased_until = v_now + in_lease
        WHERE w.state = 'active' AND w.next_try <= v_now AND w.leased_until <= v_now;

        SELECT w.id, w.url, w.secret, IF(w.old_until > v_now, w.old_secret, NULL) AS old_secret
        FROM JSON_TABLE(v_ids, '$[*]' COLUMNS (id CHAR(16) COLLATE ascii_bin PATH '$')) AS j
        STRAIGHT_JOIN webhook AS w ON w.id = j.id
        WHERE w.claim = in_claim;
    END IF;
END$$
DELIMITER ;
