-- contact_set_aside_add: set aside an owner whose records fail to render, for 10, 20, 40 … seconds, at most 5
-- minutes.
--
-- Params:   in_owner   owner of the records
--           in_error   error message
-- Returns:  one row    is_news: 1 for the first failure, or an error other than the last one
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_set_aside_add('00000000000000a1', '1062: Duplicate entry');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_set_aside_add(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_error TEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_last_error VARCHAR(255);
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- written before it is read, so that of two processes that fail at once the second one waits
    INSERT INTO contact_set_aside (owner_id, ctime, failures, retry_at, error)
    VALUES (in_owner, v_now, 0, v_now, '')
    ON DUPLICATE KEY UPDATE owner_id = in_owner;
    SELECT error INTO v_last_error FROM contact_set_aside WHERE owner_id = in_owner FOR UPDATE;
    UPDATE contact_set_aside
    SET retry_at = v_now + LEAST(10 * POW(2, LEAST(failures, 8)), 300),
        failures = failures + 1,
        error = LEFT(in_error, 255)
    WHERE owner_id = in_owner;
    SELECT v_last_error <> LEFT(in_error, 255) AS is_news;
END$$
DELIMITER ;
