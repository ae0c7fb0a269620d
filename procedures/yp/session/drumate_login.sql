-- drumate_login: what the service needs to verify a password. The only routine that shows a hash.
--
-- Params:   in_ident   email, or user name of the free domain
-- Returns:  at most one row   uid, password_hash, status (of the account)
-- Errors:   none
-- Example:  CALL drumate_login('alice@example.org');
DELIMITER $$
CREATE OR REPLACE PROCEDURE drumate_login(
    IN in_ident VARCHAR(255) COLLATE utf8mb4_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT d.id AS uid, d.password_hash, e.status
    FROM drumate AS d
    JOIN entity AS e ON e.id = d.id
    WHERE d.email = LOWER(TRIM(in_ident))
    UNION ALL
    SELECT d.id, d.password_hash, e.status
    FROM drumate AS d
    JOIN entity AS e ON e.id = d.id
    WHERE d.username = TRIM(in_ident) AND d.domain_id = 1
    LIMIT 1;
END$$
DELIMITER ;
