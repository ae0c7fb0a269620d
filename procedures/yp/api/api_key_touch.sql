-- api_key_touch: record that a key was used.
--
-- Params:   in_key   the key
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL api_key_touch('clk_example');
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_key_touch(
    IN in_key VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    UPDATE api_key SET mtime = UNIX_TIMESTAMP() WHERE hash = SHA2(in_key, 256);
END$$
DELIMITER ;
