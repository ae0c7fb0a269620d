-- analytics_log: note calls of the services that are declared with log: true; many at once, off the request's path.
--
-- Params:   in_rows   JSON array of {name: module.method, uid, hub_id, args: {…}, ctime: unix seconds}
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL analytics_log('[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE analytics_log(
    IN in_rows LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    INSERT INTO services_log (name, uid, hub_id, args, ctime)
    SELECT j.name, j.uid, j.hub_id, j.args, j.ctime
    FROM JSON_TABLE(in_rows, '$[*]' COLUMNS (
        name   VARCHAR(64) PATH '$.name',
        uid    VARCHAR(16) PATH '$.uid',
        hub_id VARCHAR(16) PATH '$.hub_id',
        args   JSON PATH '$.args',
        ctime  INT UNSIGNED PATH '$.ctime'
    )) AS j;
END$$
DELIMITER ;
