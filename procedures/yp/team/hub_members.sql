-- hub_members: list a page of the people who may read a hub, by name. Guests of single rooms are none.
--
-- Members see each other's presence, unless one of the two blocks the other.
--
-- Params:   in_uid    member who asks
--           in_hub    hub
--           in_type   all, owner, admin (owner and administrators) or other (all who are no administrators)
--           in_page   1 is the first
--           in_size   rows a page
-- Returns:  rows      data  JSON: id, uid, drumate_id, entity_id (all the account id), hub_id, firstname,
--                     lastname, fullname, surname, display, level, privilege, online, status (mate), page;
--                     none for somebody who is no member
-- Errors:   none
-- Example:  CALL hub_members('00000000000000a1', '00000000000000f1', 'all', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE hub_members(
    IN in_uid  CHAR(16) COLLATE ascii_bin,
    IN in_hub  VARCHAR(64) COLLATE ascii_bin,
    IN in_type VARCHAR(16) COLLATE ascii_bin,
    IN in_page INT UNSIGNED,
    IN in_size INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_skip BIGINT UNSIGNED DEFAULT (in_page - 1) * in_size;
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();

    SELECT JSON_OBJECT(
        'id', d.id, 'uid', d.id, 'drumate_id', d.id, 'entity_id', d.id, 'hub_id', p.hub_id,
        'firstname', d.firstname, 'lastname', d.lastname, 'fullname', d.fullname, 'surname', d.fullname,
        'display', d.fullname, 'level', p.level,
        'privilege', ELT(p.level + 1, 0, 1, 3, 3, 7, 15, 31, 63) + 0,
        'online', CASE
            WHEN is_blocked(in_uid, d.id) OR is_blocked(d.id, in_uid) THEN 0
            WHEN EXISTS (SELECT 1 FROM conference AS r WHERE r.uid = d.id) THEN 2
            WHEN EXISTS (SELECT 1 FROM socket AS s WHERE s.uid = d.id AND s.state <> 'idle') THEN 1
            ELSE 0
        END,
        'status', 'mate', 'page', in_page + 0
    ) AS data
    FROM permission AS p
    JOIN drumate AS d ON d.id = p.entity_id
    JOIN entity AS a ON a.id = d.id AND a.status = 'active'
    WHERE p.hub_id = in_hub
      AND p.resource_id = '*'
      AND p.level >= 2
      AND (p.expiry = 0 OR p.expiry > v_now)
      AND CASE in_type WHEN 'owner' THEN p.level = 7 WHEN 'admin' THEN p.level >= 6
          WHEN 'other' THEN p.level < 6 ELSE 1 END
      AND hub_level(in_hub, in_uid) >= 2
    ORDER BY d.fullname, d.id
    LIMIT v_skip, in_size;
END$$
DELIMITER ;
