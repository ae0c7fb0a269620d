-- now_us: the time at this moment, also after waiting for a lock.
--
-- Params:   none
-- Returns:  a value   microseconds since 1970
-- Errors:   none
-- Example:  SELECT now_us();
DELIMITER $$
CREATE OR REPLACE FUNCTION now_us()
    RETURNS BIGINT UNSIGNED
    NOT DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    RETURN CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS UNSIGNED);
END$$
DELIMITER ;
