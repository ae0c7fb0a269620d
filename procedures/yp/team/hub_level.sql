-- hub_level: get the level of a user on a whole hub.
--
-- Params:   in_hub    hub
--           in_uid    user
-- Returns:  a value   0 (none) to 7 (owner)
-- Errors:   none
-- Example:  SELECT hub_level('00000000000000f1', '00000000000000a1');
DELIMITER $$
CREATE OR REPLACE FUNCTION hub_level(
    in_hub VARCHAR(64) COLLATE ascii_bin,
    in_uid VARCHAR(64) COLLATE ascii_bin
)
    RETURNS TINYINT UNSIGNED
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    RETURN COALESCE((
        SELECT p.level
        FROM permission AS p
        WHERE p.hub_id = in_hub
          AND p.resource_id = '*'
          AND p.entity_id = in_uid
          AND (p.expiry = 0 OR p.expiry > UNIX_TIMESTAMP())
    ), 0);
END$$
DELIMITER ;
