-- api_key_name: set the label of a key.
--
-- Params:   in_id      id of the key
--           in_label   purpose of the key, may be empty
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL api_key_name('0000000000000000', 'address book of my phone');
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_key_name(
    IN in_id    CHAR(16) COLLATE ascii_bin,
    IN in_label VARCHAR(64)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE api_key SET label = in_label WHERE id = in_id;
END$$
DELIMITER ;
