-- webhook_list: list the subscriptions of a person, oldest first.
--
-- Params:   in_uid   person; '' for those of the site
--           in_id    only this one; NULL: all
-- Returns:  rows     data  JSON: see webhook_card; pending: events that wait
-- Errors:   none
-- Example:  CALL webhook_list('00000000000000a1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_list(
    IN in_uid CHAR(16) COLLATE ascii_bin,
    IN in_id  CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_INSERT(c.data, '$.pending', (
        SELECT COUNT(*) FROM webhook_delivery AS d WHERE d.state = 'pending' AND d.webhook_id = c.id
    )) AS data
    FROM webhook_card AS c
    WHERE c.uid = in_uid AND c.id = COALESCE(in_id, c.id)
    ORDER BY c.ctime, c.id;
END$$
DELIMITER ;
