-- api_grant_refresh: a refresh token is exchanged for a new one. Used a second time, it ends the sign-in: one of the
-- two who hold it has stolen it.
--
-- Params:   in_token   refresh token
--           in_new     the next one, random, never seen before
--           in_ttl     seconds until that one must have been used
-- Returns:  at most one row   outcome  ok, or reused (the sign-in has ended)
--                             grant_id, uid, email, fullname
-- Errors:   none
-- Example:  CALL api_grant_refresh('example-refresh', 'example-refresh-2', 60);
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_grant_refresh(
    IN in_token VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_new   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_ttl   INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_grant, v_uid CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_used TINYINT UNSIGNED;

    SELECT grant_id, used INTO v_grant, v_used
    FROM api_refresh
    WHERE id = SHA2(in_token, 256) AND expiry > v_now
    FOR UPDATE;
    -- unlocked: a new password voids the access tokens, whichever comes first
    SELECT g.uid INTO v_uid
    FROM api_grant AS g
    JOIN caller_card AS c ON c.uid = g.uid AND c.mark = g.mark
    WHERE g.id = v_grant;

    IF v_used = 1 THEN
        DELETE FROM api_refresh WHERE grant_id = v_grant;
        DELETE FROM api_grant WHERE id = v_grant;
    ELSEIF v_uid IS NOT NULL THEN
        UPDATE api_refresh SET used = 1 WHERE id = SHA2(in_token, 256);
        INSERT INTO api_refresh (id, grant_id, expiry) VALUES (SHA2(in_new, 256), v_grant, v_now + in_ttl);
        UPDATE api_grant SET expiry = v_now + in_ttl WHERE id = v_grant;
    END IF;

    -- unlocked: only to show who it is
    SELECT IF(v_used = 1, 'reused', 'ok') AS outcome, v_grant AS grant_id, d.id AS uid, d.email, d.fullname
    FROM drumate AS d
    WHERE d.id = v_uid;
END$$
DELIMITER ;
