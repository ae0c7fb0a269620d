-- analytics_log: log calls of services that are declared with log: true, many at once, after their requests.
--
-- Params:   in_rows   JSON array of {name: module.method, uid, hub_id, args: {…}, ctime: unix seconds}
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL analytics_log('[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE analytics_log(
    IN in_rows LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT INTO services_log (name, uid, hub_id, args, ctime)
    SELECT j.name, j.uid, j.hub_id, j.args, j.ctime
    FROM JSON_TABLE(in_rows, '$[*]' COLUMNS (
        name   VARCHAR(64) COLLATE utf8mb4_unicode_520_ci PATH '$.name',
        uid    VARCHAR(16) COLLATE utf8mb4_unicode_520_ci PATH '$.uid',
        hub_id VARCHAR(16) COLLATE utf8mb4_unicode_520_ci PATH '$.hub_id',
        args   JSON PATH '$.args',
        ctime  INT UNSIGNED PATH '$.ctime'
    )) AS j;
END$$
DELIMITER ;
