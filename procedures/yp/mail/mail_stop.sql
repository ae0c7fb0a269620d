-- mail_stop: stop invitation mails to the recipient of a mail.
--
-- Params:   in_id     mail; only its recipient knows the id
-- Returns:  one row   known  1, or 0: no such mail
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL mail_stop('0000000000000001');
DELIMITER $$
CREATE OR REPLACE PROCEDURE mail_stop(
    IN in_id VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_email VARCHAR(255) COLLATE utf8mb4_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT recipient INTO v_email FROM mail_outbox WHERE id = in_id;
    IF v_email IS NOT NULL THEN
        INSERT IGNORE INTO mail_optout (email, ctime) VALUES (v_email, UNIX_TIMESTAMP());
    END IF;
    SELECT IF(v_email IS NULL, 0, 1) AS known;
END$$
DELIMITER ;
