-- my_contact_get: get one contact of the owner in full, with addresses, numbers and tags.
--
-- See docs/frontend-contract.md#contact-record.
--
-- Params:   in_owner   owner of the address book
--           in_id      contact
-- Returns:  at most one row   data  JSON, the full contact (contact_full)
-- Errors:   none
-- Example:  CALL my_contact_get('00000000000000a1', '0000000000000000');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_get(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT data FROM contact_full WHERE owner_id = in_owner AND id = in_id;
END$$
DELIMITER ;
