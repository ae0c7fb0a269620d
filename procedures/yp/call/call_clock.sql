-- call_clock: read the clock of the database, by which the service measures calls.
--
-- Params:   none
-- Returns:  a value   milliseconds since 1970
-- Errors:   none
-- Example:  SELECT call_clock();
DELIMITER $$
CREATE OR REPLACE FUNCTION call_clock()
    RETURNS BIGINT UNSIGNED
    NOT DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    RETURN CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS UNSIGNED);
END$$
DELIMITER ;
