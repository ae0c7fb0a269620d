-- transaction_missing: refuse work outside of a transaction, where the half of it would stay after an error.
--
-- Every routine that writes begins with `IF @@autocommit AND NOT @@in_transaction THEN CALL
-- yp.transaction_missing(); END IF;`. The service has its transactions; this is for people.
--
-- Params:   none
-- Returns:  nothing
-- Errors:   NO_TRANSACTION   always; the reason says how to start a transaction
-- Callers:  routines that write
-- Example:  SELECT 'CALL transaction_missing()' AS nothing;
DELIMITER $$
CREATE OR REPLACE PROCEDURE transaction_missing()
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT =
        '{"code": "NO_TRANSACTION", "reason": "this routine writes: START TRANSACTION; CALL ...; COMMIT; '
        'or ROLLBACK after an error, or half of its work stays"}';
END$$
DELIMITER ;
