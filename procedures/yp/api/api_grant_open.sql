-- api_grant_open: get the caller whose access token belongs to this sign-in. The gate of /api/v1 for users.
--
-- Params:   in_grant   id of the sign-in, from a token with a valid signature
-- Returns:  at most one row   data  JSON of caller_card
-- Errors:   none
-- Example:  CALL api_grant_open('00000000000000aa');
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_grant_open(
    IN in_grant CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT c.data
    FROM api_grant AS g
    JOIN caller_card AS c ON c.uid = g.uid
    WHERE g.id = in_grant AND g.expiry > UNIX_TIMESTAMP() AND g.mark = c.mark;
END$$
DELIMITER ;
