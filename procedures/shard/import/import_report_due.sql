-- import_report_due: find an owner with a report that import_report_expire would change.
--
-- Params:   none
-- Returns:  one row   owner: NULL when there is none
-- Errors:   none
-- Example:  CALL import_report_due();
DELIMITER $$
CREATE OR REPLACE PROCEDURE import_report_due()
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT COALESCE(
        (
            SELECT r.owner_id
            FROM import_report AS r
            STRAIGHT_JOIN yp.entity AS e ON e.id = r.owner_id
            WHERE r.state = 'running' AND r.beat < UNIX_TIMESTAMP() - 60
            ORDER BY r.beat
            LIMIT 1
        ),
        (
            SELECT r.owner_id
            FROM import_report AS r
            STRAIGHT_JOIN yp.entity AS e ON e.id = r.owner_id
            WHERE r.ctime < UNIX_TIMESTAMP() - 604800
            ORDER BY r.ctime
            LIMIT 1
        )
    ) AS owner;
END$$
DELIMITER ;
