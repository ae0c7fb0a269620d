-- my_contact_look_up: the one contact of the owner that goes by an id, uid or address, in full.
--
-- Params:   in_owner   whose address book
--           in_key     contact id, uid, or any of his addresses
-- Returns:  one row    data  JSON: contact_id
--           one row    data  JSON, the full contact (my_contact_get)
-- Errors:   CONTACT_NOT_FOUND   nobody
--           AMBIGUOUS           more than one
-- Example:  CALL my_contact_look_up('00000000000000a1', 'ada@math.example');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_look_up(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_key   VARCHAR(255) COLLATE utf8mb4_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;

    CALL my_contact_find(in_owner, in_key);
    SELECT COALESCE(
        (SELECT id FROM contact WHERE owner_id = in_owner AND id = as_id(in_key)),
        (SELECT MIN(id) FROM contact
         WHERE owner_id = in_owner AND peer_id = as_id(in_key)),
        (SELECT id FROM contact WHERE owner_id = in_owner AND entity = LOWER(TRIM(in_key))),
        (SELECT contact_id FROM contact_email WHERE owner_id = in_owner AND email = LOWER(TRIM(in_key)))
    ) INTO v_id;
    CALL my_contact_get(in_owner, v_id);
END$$
DELIMITER ;
