-- mail_wait: seconds until a user may cause another invitation mail.
--
-- The mails of the last 24 hours count, whatever became of them. A transaction that holds the lock of
-- contact_pair_lock on the user counts them reliably.
--
-- Params:   in_uid        user
--           in_mails      mails that a user may cause in 24 hours
--           in_mails_new  the same for a new account
--           in_new_days   days for which an account is new
-- Returns:  a value       seconds, 0 when another mail is allowed
-- Errors:   none
-- Example:  SELECT mail_wait('00000000000000a1', 50, 10, 7);
DELIMITER $$
CREATE OR REPLACE FUNCTION mail_wait(
    in_uid       CHAR(16) COLLATE ascii_bin,
    in_mails     INT UNSIGNED,
    in_mails_new INT UNSIGNED,
    in_new_days  INT UNSIGNED
)
    RETURNS INT UNSIGNED
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_budget INT UNSIGNED;
    DECLARE v_counted INT UNSIGNED;
    DECLARE v_oldest INT UNSIGNED;

    SET v_budget = IF(
        EXISTS (SELECT 1 FROM drumate WHERE id = in_uid AND ctime > v_now - in_new_days * 86400),
        LEAST(in_mails_new, in_mails), in_mails
    );
    -- The oldest of as many mails as the budget has: when it leaves the window, there is room for one.
    SELECT COUNT(*), MIN(ctime) INTO v_counted, v_oldest
    FROM (
        SELECT ctime FROM mail_outbox
        WHERE sender_id = in_uid AND ctime > v_now - 86400
        ORDER BY ctime DESC
        LIMIT v_budget
    ) AS newest;
    IF v_counted < v_budget THEN
        RETURN 0;
    END IF;
    RETURN GREATEST(1, COALESCE(v_oldest, v_now) + 86400 - v_now);
END$$
DELIMITER ;
