-- contact_aged_owner: find an owner whose history has rows that are too old.
--
-- Params:   in_days    number of days for which rows stay
-- Returns:  one row    owner: NULL when there is none
-- Errors:   none
-- Example:  CALL contact_aged_owner(30);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_aged_owner(
    IN in_days INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT (
        SELECT e.owner_id
        FROM contact_event AS e FORCE INDEX (by_age)
        STRAIGHT_JOIN yp.entity AS y ON y.id = e.owner_id
        WHERE e.at < UNIX_TIMESTAMP() - in_days * 86400
        ORDER BY e.at
        LIMIT 1
    ) AS owner;
END$$
DELIMITER ;
