-- api_key_touch: record that a key was used.
--
-- Params:   in_key   the key
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL api_key_touch('clk_example');
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_key_touch(
    IN in_key VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE api_key SET mtime = UNIX_TIMESTAMP() WHERE hash = SHA2(in_key, 256);
END$$
DELIMITER ;
