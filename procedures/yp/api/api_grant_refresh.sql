-- api_grant_refresh: exchange a refresh token for a new one. A second use ends the sign-in, because one of
-- the two holders has stolen the token.
--
-- For 30 seconds after its first use, a token is exchanged again, each time for another one: tabs of
-- one browser hold the same token, and their pages exchange it twice while they load.
--
-- Params:   in_token      refresh token
--           in_new        the next one, random, never seen before
--           in_ttl        seconds until the next one expires
--           in_lifetime   seconds from the sign-in to its absolute end
-- Returns:  at most one row   outcome  ok, or reused (the sign-in has ended)
--                             grant_id, uid, email, fullname
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL api_grant_refresh('example-refresh', 'example-refresh-2', 60, 3600);
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_grant_refresh(
    IN in_token    VARCHAR(64) COLLATE ascii_bin,
    IN in_new      VARCHAR(64) COLLATE ascii_bin,
    IN in_ttl      INT UNSIGNED,
    IN in_lifetime INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_grant, v_uid CHAR(16) COLLATE ascii_bin;
    DECLARE v_used, v_expiry INT UNSIGNED;
    DECLARE v_reused TINYINT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT grant_id, used INTO v_grant, v_used
    FROM api_refresh
    WHERE id = SHA2(in_token, 256) AND expiry > v_now
    FOR UPDATE;
    -- unlocked: a new password voids the access tokens, whichever comes first
    SELECT g.uid, LEAST(v_now + in_ttl, g.ctime + in_lifetime) INTO v_uid, v_expiry
    FROM api_grant AS g
    JOIN caller_card AS c ON c.uid = g.uid AND c.mark = g.mark
    WHERE g.id = v_grant;
    SET v_reused = v_used > 0 AND v_used + 30 < v_now;

    IF v_reused THEN
        DELETE FROM api_refresh WHERE grant_id = v_grant;
        DELETE FROM api_grant WHERE id = v_grant;
    ELSEIF v_uid IS NOT NULL THEN
        UPDATE api_refresh SET used = v_now WHERE id = SHA2(in_token, 256) AND used = 0;
        INSERT INTO api_refresh (id, grant_id, expiry) VALUES (SHA2(in_new, 256), v_grant, v_expiry);
        UPDATE api_grant SET expiry = v_expiry, mtime = v_now WHERE id = v_grant;
    END IF;

    -- unlocked: only shown in the answer
    SELECT IF(v_reused, 'reused', 'ok') AS outcome, v_grant AS grant_id, d.id AS uid, d.email, d.fullname
    FROM drumate AS d
    WHERE d.id = v_uid;
END$$
DELIMITER ;
