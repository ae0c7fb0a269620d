-- request_begin: look up the answer to an earlier request with the same key. It is the first call of its
-- transaction, and request_end the last, so that the answer is stored exactly if the work is committed.
--
-- It also deletes some expired keys of the owner.
--
-- Params:   in_owner   user who sends the request
--           in_id      SHA-256 of the path and the key, hex
--           in_body    SHA-256 of the body, hex
--           in_ttl     seconds until the answer is deleted
-- Returns:  at most one row   answer  the earlier answer, JSON
-- Errors:   KEY_IN_USE    the first request with this key is still running
--           KEY_REUSED    the first request had another body
-- Needs:    a transaction
-- Example:  CALL request_begin('00000000000000a1', SHA2('/contacts example', 256), SHA2('{}', 256), 60);
DELIMITER $$
CREATE OR REPLACE PROCEDURE request_begin(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    CHAR(64) COLLATE ascii_bin,
    IN in_body  CHAR(64) COLLATE ascii_bin,
    IN in_ttl   INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now, v_expiry INT UNSIGNED;
    DECLARE v_body CHAR(64) COLLATE ascii_bin;
    -- the row is locked, or another transaction has written it since the SELECT above
    DECLARE EXIT HANDLER FOR 1205, 1062
        RESIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'KEY_IN_USE';
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SET v_now = UNIX_TIMESTAMP();
    -- NOWAIT is not allowed in routines
    SET STATEMENT innodb_lock_wait_timeout = 0 FOR
    SELECT body, expiry INTO v_body, v_expiry
    FROM request_once
    WHERE owner_id = in_owner AND id = in_id
    FOR UPDATE;

    IF v_expiry > v_now THEN
        IF v_body <> in_body THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'KEY_REUSED';
        END IF;
        SELECT answer FROM request_once WHERE owner_id = in_owner AND id = in_id FOR UPDATE;
    ELSE
        DELETE FROM request_once WHERE owner_id = in_owner AND expiry <= v_now ORDER BY expiry LIMIT 100;
        -- a row that another transaction has written since the SELECT is not deleted: then the INSERT fails
        DELETE FROM request_once WHERE owner_id = in_owner AND id = in_id AND expiry <= v_now;
        INSERT INTO request_once (owner_id, id, body, expiry)
        VALUES (in_owner, in_id, in_body, v_now + in_ttl);
    END IF;
END$$
DELIMITER ;
