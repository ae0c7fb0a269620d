-- contact_uuid: the id of a contact in the form that the REST API shows. It can be turned back.
--
-- Params:   in_id     contact
-- Returns:  a value   36 characters
-- Errors:   none
-- Example:  SELECT contact_uuid('61a3c41a5c677a20');
DELIMITER $$
CREATE OR REPLACE FUNCTION contact_uuid(
    in_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
)
    RETURNS CHAR(36) CHARACTER SET ascii COLLATE ascii_bin
    DETERMINISTIC
    NO SQL
    SQL SECURITY DEFINER
BEGIN
    RETURN CONCAT(LEFT(in_id, 8), '-', SUBSTR(in_id, 9, 4), '-4', SUBSTR(in_id, 13, 3), '-8', RIGHT(in_id, 1),
                  '00-000000000000');
END$$
DELIMITER ;
