-- contact_phone_unknown: list numbers of one owner whose international form is not known yet.
--
-- The library that knows the numbering plans is in Python. New and changed numbers wait here for the next
-- round beside the heartbeat.
--
-- Params:   in_limit   numbers at most
-- Returns:  rows       owner, contact, id, number, region (country of the owner, or NULL), own_number (of the
--                       owner, or NULL)
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
    SELECT p.owner_id AS owner, p.contact_id AS contact, p.id,
           TRIM(CONCAT(p.areacode, ' ', p.phone)) AS number,
           JSON_VALUE(d.profile, '$.phone_region') AS region, JSON_VALUE(d.profile, '$.mobile') AS own_number
    FROM contact_phone AS p FORCE INDEX (by_international)
    LEFT JOIN yp.drumate AS d ON d.id = v_owner
    WHERE p.international IS NULL AND p.owner_id = v_owner
    LIMIT in_limit;
END$$
DELIMITER ;
