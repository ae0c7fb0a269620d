-- webhook_takes: say whether a subscription takes events of a type.
--
-- Params:   in_events   types, contact.*, or *, separated by commas
--           in_type     contact.created and the like, or NULL: no event
-- Returns:  a value     1 or 0
-- Errors:   none
-- Example:  SELECT webhook_takes('call.*,contact.created', 'call.ended') AS is_taken;
DELIMITER $$
CREATE OR REPLACE FUNCTION webhook_takes(
    in_events VARCHAR(1024) COLLATE ascii_bin,
    in_type   VARCHAR(32) COLLATE ascii_bin
)
    RETURNS TINYINT UNSIGNED
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    RETURN in_type IS NOT NULL AND (
        FIND_IN_SET(in_type, in_events) OR FIND_IN_SET('*', in_events)
        OR FIND_IN_SET(CONCAT(SUBSTRING_INDEX(in_type, '.', 1), '.*'), in_events)
    );
END$$
DELIMITER ;
