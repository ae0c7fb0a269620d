-- api_grant_add: open a sign-in to /api/v1 for a user whose password was verified. When the user has too
-- many, the ones that were refreshed least recently end.
--
-- Params:   in_uid       user
--           in_grant     new id of the sign-in
--           in_token     first refresh token, random, never seen before
--           in_ttl       seconds until the token expires
--           in_most      sign-ins that the user may have
--           in_ua        user agent
--           in_address   address of the caller
-- Returns:  one row      uid, email, fullname
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL api_grant_add('00000000000000a1', '00000000000000aa', 'example-token', 60, 9, 'doc', '::1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_grant_add(
    IN in_uid     CHAR(16) COLLATE ascii_bin,
    IN in_grant   CHAR(16) COLLATE ascii_bin,
    IN in_token   VARCHAR(64) COLLATE ascii_bin,
    IN in_ttl     INT UNSIGNED,
    IN in_most    INT UNSIGNED,
    IN in_ua      VARCHAR(255),
    IN in_address VARCHAR(45)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_uid CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- sign-ins of one user wait for each other, so that each counts the others
    -- lock only: at two nodes at once, one sign-in too many stays until the next one
    SELECT id INTO v_uid FROM drumate WHERE id = in_uid FOR UPDATE;

    DELETE g, r
    FROM (
        SELECT o.id, ROW_NUMBER() OVER (ORDER BY o.mtime DESC, o.ctime DESC, o.id) AS place
        FROM api_grant AS o
        WHERE o.uid = in_uid
    ) AS p
    JOIN api_grant AS g ON g.id = p.id
    LEFT JOIN api_refresh AS r ON r.grant_id = g.id
    WHERE p.place >= in_most;

    INSERT INTO api_grant (id, uid, mark, expiry, ua, address, ctime, mtime)
    SELECT in_grant, c.uid, c.mark, v_now + in_ttl, in_ua, in_address, v_now, v_now
    FROM caller_card AS c
    WHERE c.uid = in_uid;
    INSERT INTO api_refresh (id, grant_id, expiry) VALUES (SHA2(in_token, 256), in_grant, v_now + in_ttl);
    -- unlocked: only shown in the answer
    SELECT d.id AS uid, d.email, d.fullname FROM drumate AS d WHERE d.id = in_uid;
END$$
DELIMITER ;
