-- team_hubs: list the team hubs that a user may read, by the shard that holds their conversations.
--
-- Params:   in_owner   user; NULL: lists nothing
-- Returns:  rows       db_name, hubs (JSON array of ids)
-- Errors:   none
-- Example:  CALL team_hubs('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE team_hubs(
    IN in_owner CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();

    SELECT e.db_name, JSON_ARRAYAGG(e.id) AS hubs
    FROM yp.permission AS p
    JOIN yp.hub AS h ON h.id = p.hub_id AND h.serial > 0
    JOIN yp.entity AS e ON e.id = h.id AND e.status = 'active' AND e.area IN ('private', 'share')
    WHERE p.entity_id = in_owner
      AND p.resource_id = '*'
      AND p.level >= 2
      AND (p.expiry = 0 OR p.expiry > v_now)
    GROUP BY e.db_name;
END$$
DELIMITER ;
