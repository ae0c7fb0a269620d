-- iso_time: a time as the REST API shows it.
--
-- Params:   in_time   UTC, or NULL
-- Returns:  a value   2026-02-16T10:30:00.123Z, or NULL
-- Errors:   none
-- Example:  SELECT iso_time(UTC_TIMESTAMP(3));
DELIMITER $$
CREATE OR REPLACE FUNCTION iso_time(
    in_time DATETIME(3)
)
    RETURNS CHAR(24) CHARACTER SET ascii COLLATE ascii_bin
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    RETURN CONCAT(LEFT(DATE_FORMAT(in_time, '%Y-%m-%dT%H:%i:%s.%f'), 23), 'Z');
END$$
DELIMITER ;
