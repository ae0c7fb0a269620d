-- drumate_find: find a registered user by uid, email, or user name of the free domain.
--
-- Params:   in_key    uid, email or user name
-- Returns:  a value   uid, or NULL
-- Errors:   none
-- Example:  SELECT drumate_find('alice@example.org');
DELIMITER $$
CREATE OR REPLACE FUNCTION drumate_find(
    in_key VARCHAR(255) COLLATE utf8mb4_bin
)
    RETURNS CHAR(16) COLLATE ascii_bin
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    RETURN COALESCE(
        (SELECT id FROM drumate WHERE email = LOWER(TRIM(in_key))),
        (SELECT id FROM drumate
         WHERE id = IF(in_key REGEXP '^[!-~]{16}$', CONVERT(in_key USING ascii), NULL)),
        (SELECT id FROM drumate WHERE username = TRIM(in_key) AND domain_id = 1)
    );
END$$
DELIMITER ;
