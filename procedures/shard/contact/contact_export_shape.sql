-- contact_export_shape: how many columns a table of the owner's contacts needs.
--
-- Params:   in_owner   whose address book
-- Returns:  one row    data  JSON: email, mobile, address: the most that one contact has
-- Errors:   none
-- Example:  CALL contact_export_shape('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_export_shape(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT(
        'email', (SELECT COALESCE(MAX(n), 0) FROM (
            SELECT COUNT(*) AS n FROM contact_email WHERE owner_id = in_owner GROUP BY contact_id) AS e),
        'mobile', (SELECT COALESCE(MAX(n), 0) FROM (
            SELECT COUNT(*) AS n FROM contact_phone WHERE owner_id = in_owner GROUP BY contact_id) AS p),
        'address', (SELECT COALESCE(MAX(n), 0) FROM (
            SELECT COUNT(*) AS n FROM contact_address WHERE owner_id = in_owner GROUP BY contact_id) AS a)
    ) AS data;
END$$
DELIMITER ;
