-- contact_invitation_status: get the status of the link in an invitation mail, for visitors who are not
-- signed in.
--
-- Params:   in_secret   secret of the link
-- Returns:  one row     data  JSON: status: nodata (no such link), register (the invited address has an
--                             account) or unregister; contact_id and message, always NULL
-- Errors:   none
-- Example:  CALL contact_invitation_status('example');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_invitation_status(
    IN in_secret VARCHAR(255)
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT('status', CASE
        WHEN t.id IS NULL THEN 'nodata'
        WHEN EXISTS (SELECT 1 FROM drumate AS d WHERE d.email = t.email) THEN 'register'
        ELSE 'unregister'
    END, 'contact_id', NULL, 'message', NULL) AS data
    FROM (SELECT 1) AS one
    LEFT JOIN token AS t ON t.id = SHA2(in_secret, 256) AND t.method = 'signup';
END$$
DELIMITER ;
