-- import_report_expire: delete the reports of an owner that are older than a week, and end the imports whose
-- process has died.
--
-- Params:   in_owner   owner of the address book
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL import_report_expire('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE import_report_expire(
    IN in_owner CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE import_report
    SET state = 'failed', reason = 'interrupted', ended = beat
    WHERE owner_id = in_owner AND state = 'running' AND beat < UNIX_TIMESTAMP() - 60;
    -- a few at a time: each may have thousands of entries
    DELETE FROM import_report
    WHERE owner_id = in_owner AND ctime < UNIX_TIMESTAMP() - 604800
    ORDER BY ctime
    LIMIT 5;
END$$
DELIMITER ;
