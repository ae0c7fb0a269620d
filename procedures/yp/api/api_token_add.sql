-- api_token_add: store a token for a user whose password was verified. When the user has too many, the ones
-- that have not been used for the longest time end.
--
-- Params:   in_uid       user
--           in_token     new token, random, never seen before
--           in_ttl       seconds until an unused token expires
--           in_most      tokens that the user may have
--           in_ua        user agent
--           in_address   address of the caller
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL api_token_add('00000000000000a1', 'example-new-token', 60, 20, 'doc', '127.0.0.1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_token_add(
    IN in_uid     CHAR(16) COLLATE ascii_bin,
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

    DELETE t
    FROM (
        SELECT o.id, ROW_NUMBER() OVER (ORDER BY o.mtime DESC, o.ctime DESC, o.id) AS place
        FROM api_token AS o
        WHERE o.uid = in_uid
    ) AS p
    JOIN api_token AS t ON t.id = p.id
    WHERE p.place >= in_most;

    INSERT INTO api_token (id, uid, mark, ttl, expiry, ua, address, ctime, mtime)
    SELECT SHA2(in_token, 256), d.id, SHA2(d.password_hash, 256), in_ttl, v_now + in_ttl, in_ua, in_address,
           v_now, v_now
    FROM drumate AS d
    WHERE d.id = in_uid;
END$$
DELIMITER ;
