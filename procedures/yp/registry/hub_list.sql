-- hub_list: list a page of the team hubs that a user may read, by name. Wickets and other hubs for guests
-- (dmz) are none.
--
-- Params:   in_uid    user
--           in_key    part of a name; '' for all
--           in_page   1 is the first
--           in_size   rows a page
-- Returns:  rows      data  JSON: hub_id, name, area, home_id, owner_id, level, privilege, ctime, page
-- Errors:   none
-- Example:  CALL hub_list('00000000000000a1', '', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE hub_list(
    IN in_uid  CHAR(16) COLLATE ascii_bin,
    IN in_key  VARCHAR(255),
    IN in_page INT UNSIGNED,
    IN in_size INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_skip BIGINT UNSIGNED DEFAULT (in_page - 1) * in_size;
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();

    SELECT JSON_OBJECT(
        'hub_id', h.id, 'name', h.name, 'area', e.area, 'home_id', e.home_id, 'owner_id', h.owner_id,
        'level', p.level, 'privilege', ELT(p.level + 1, 0, 1, 3, 3, 7, 15, 31, 63) + 0, 'ctime', h.ctime,
        'page', in_page + 0
    ) AS data
    FROM permission AS p
    JOIN hub AS h ON h.id = p.hub_id
    JOIN entity AS e ON e.id = h.id
    WHERE p.entity_id = in_uid
      AND p.resource_id = '*'
      AND p.level >= 2
      AND (p.expiry = 0 OR p.expiry > v_now)
      AND e.status = 'active'
      AND e.area IN ('private', 'share', 'public')
      AND h.serial > 0
      AND LOCATE(in_key, h.name) > 0
    ORDER BY h.name, h.id
    LIMIT v_skip, in_size;
END$$
DELIMITER ;
