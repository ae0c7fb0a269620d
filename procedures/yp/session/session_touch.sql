-- session_touch: the session was used, so it lives on for its ttl.
--
-- Params:   in_sid   what the session cookie holds
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL session_touch('example-sid');
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_touch(
    IN in_sid VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();

    UPDATE session
    SET mtime = v_now, expiry = v_now + ttl
    WHERE id = SHA2(in_sid, 256) AND expiry > v_now;
END$$
DELIMITER ;
