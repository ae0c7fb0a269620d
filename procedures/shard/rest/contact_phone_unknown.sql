-- contact_phone_unknown: list numbers of one owner whose international form is not known yet.
--
-- The library that knows the numbering plans is in Python. New and changed numbers wait here for the next
-- round beside the heartbeat.
--
-- Params:   in_limit   numbers at most
-- Returns:  rows       owner, contact, id, number
-- Errors:   none
-- Example:  CALL contact_phone_unknown(100);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_phone_unknown(
    IN in_limit INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_owner CHAR(16) COLLATE ascii_bin;

    SELECT p.owner_id INTO v_owner
    FROM contact_phone AS p FORCE INDEX (by_international)
    STRAIGHT_JOIN yp.entity AS e ON e.id = p.owner_id
    WHERE p.international IS NULL
    LIMIT 1;
    SELECT owner_id AS owner, contact_id AS contact, id, TRIM(CONCAT(areacode, ' ', phone)) AS number
    FROM contact_phone FORCE INDEX (by_international)
    WHERE international IS NULL AND owner_id = v_owner
    LIMIT in_limit;
END$$
DELIMITER ;
