-- drumate_login: get the account whose password the service verifies. No other routine returns a password
-- hash.
--
-- Params:   in_ident   email, or user name of the free domain
-- Returns:  one row    name (in_ident without case and blanks: failures are counted under it, whether there
--                      is an account or not), uid, password_hash, status (of the account); these three are
--                      NULL without an account
-- Errors:   none
-- Example:  CALL drumate_login('alice@example.org');
DELIMITER $$
CREATE OR REPLACE PROCEDURE drumate_login(
    IN in_ident VARCHAR(255) COLLATE utf8mb4_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT LOWER(TRIM(in_ident)) AS name, a.uid, a.password_hash, a.status
    FROM (SELECT 1) AS one
    LEFT JOIN (
        SELECT d.id AS uid, d.password_hash, e.status
        FROM drumate AS d
        JOIN entity AS e ON e.id = d.id
        WHERE d.email = LOWER(TRIM(in_ident))
        UNION ALL
        SELECT d.id, d.password_hash, e.status
        FROM drumate AS d
        JOIN entity AS e ON e.id = d.id
        WHERE d.username = TRIM(in_ident) AND d.domain_id = 1
        LIMIT 1
    ) AS a ON TRUE;
END$$
DELIMITER ;
