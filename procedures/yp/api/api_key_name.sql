-- api_key_name: say what a key is for.
--
-- Params:   in_id      id of the key
--           in_label   words for people, perhaps none
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL api_key_name('0000000000000000', 'address book of my phone');
DELIMITER $$
CREATE OR REPLACE PROCEDURE api_key_name(
    IN in_id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_label VARCHAR(64)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    UPDATE api_key SET label = in_label WHERE id = in_id;
END$$
DELIMITER ;
