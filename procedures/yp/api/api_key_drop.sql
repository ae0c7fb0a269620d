-- api_key_drop: revoke a key.
--
-- Params:   in_id    id of the key
-- Returns:  one row  dropped  1; 0: there is no such key
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL api_key_drop('0000000000000000');
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_key_drop(
    IN in_id CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    DELETE FROM api_key WHERE id = in_id;
    SELECT ROW_COUNT() AS dropped;
END$$
DELIMITER ;
