-- api_grant_add: somebody whose password was verified signs in to /api/v1.
--
-- Params:   in_uid     who signs in
--           in_grant   new id of the sign-in
--           in_token   first refresh token, random, never seen before
--           in_ttl     seconds until it must have been used
-- Returns:  one row    uid, email, fullname
-- Errors:   none
-- Example:  CALL api_grant_add('00000000000000a1', '00000000000000aa', 'example-refresh', 60);
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_grant_add(
    IN in_uid   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_grant CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_token VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_ttl   INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();

    INSERT INTO api_grant (id, uid, mark, expiry, ctime)
    SELECT in_grant, c.uid, c.mark, v_now + in_ttl, v_now
    FROM caller_card AS c
    WHERE c.uid = in_uid;
    INSERT INTO api_refresh (id, grant_id, expiry) VALUES (SHA2(in_token, 256), in_grant, v_now + in_ttl);
    -- unlocked: only to show who it is
    SELECT d.id AS uid, d.email, d.fullname FROM drumate AS d WHERE d.id = in_uid;
END$$
DELIMITER ;
