-- my_contact_mail_delete: take an email address away from a contact.
--
-- Params:   in_owner     whose address book
--           in_contact   contact
--           in_id        the entry
-- Returns:  one row      data  JSON, the full contact (my_contact_get)
--           rows         node, sockets: the owner's open sockets
-- Errors:   CONTACT_NOT_FOUND   no such contact of the owner
--           EMAIL_NOT_FOUND   the contact has no such entry
--           DEFAULT_EMAIL       it is the default address, which stays
-- Example:  CALL my_contact_mail_delete('00000000000000a1', '0000000000000c01', '0000000000000e01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_mail_delete(
    IN in_owner   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_contact VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_contact CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_default TINYINT;

    SELECT id INTO v_contact FROM contact WHERE owner_id = in_owner AND id = in_contact FOR UPDATE;
    IF v_contact IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    END IF;
    SELECT is_default INTO v_default
    FROM contact_email
    WHERE owner_id = in_owner AND id = in_id AND contact_id = v_contact
    FOR UPDATE;
    IF v_default IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'EMAIL_NOT_FOUND';
    END IF;
    IF v_default = 1 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'DEFAULT_EMAIL';
    END IF;

    DELETE FROM contact_email WHERE owner_id = in_owner AND id = in_id;
    UPDATE contact SET mtime = UNIX_TIMESTAMP() WHERE owner_id = in_owner AND id = v_contact;
    CALL my_contact_terms(in_owner, v_contact);
    CALL my_contact_touch(in_owner, v_contact);
    CALL my_contact_get(in_owner, v_contact);
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
