-- mail_greet: let a mail of the outbox greet by the name that its sender knows, unless it has a name already.
--
-- Params:   in_mail   mail
--           in_name   first name
-- Returns:  at most one row   data  JSON (mail_card)
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL mail_greet('00000000000000ea', 'Zoë');
DELIMITER $$
CREATE OR REPLACE PROCEDURE mail_greet(
    IN in_mail CHAR(16) COLLATE ascii_bin,
    IN in_name VARCHAR(255)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE mail_outbox
    SET data = JSON_SET(data, '$.name', in_name)
    WHERE id = in_mail AND JSON_VALUE(data, '$.name') IS NULL;
    SELECT data FROM mail_card WHERE id = in_mail;
END$$
DELIMITER ;
