-- conference_limit: get a limit of rooms from the settings of a hub, else the one of the service.
--
-- Anything but a whole number of at most nine digits counts as absent: a setting never keeps people out of
-- their rooms.
--
-- Params:   in_settings   JSON: settings of the hub
--           in_name       conference_people or conference_minutes
--           in_default    limit of the service, or NULL
-- Returns:  a value       the limit; 0 or NULL: none
-- Errors:   none
-- Example:  SELECT conference_limit('{"conference_people": 5}', 'conference_people', 0);
DELIMITER $$
CREATE OR REPLACE FUNCTION conference_limit(
    in_settings LONGTEXT COLLATE utf8mb4_bin,
    in_name     VARCHAR(32) COLLATE ascii_bin,
    in_default  INT UNSIGNED
)
    RETURNS INT UNSIGNED
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_limit TEXT DEFAULT JSON_VALUE(in_settings, CONCAT('$.', in_name));

    RETURN IF(v_limit REGEXP '^[0-9]{1,9}$', v_limit, in_default);
END$$
DELIMITER ;
