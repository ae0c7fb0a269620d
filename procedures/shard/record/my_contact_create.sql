-- my_contact_create: a new contact, as the REST API makes one.
--
-- Params:   in_owner     whose address book
--           in_contact   JSON as my_contact_add takes it, with dialect; at least one of display_name, firstname, lastname
-- Returns:  one row      data  JSON, the full contact (my_contact_get)
--           rows         node, sockets: the owner's open sockets
--           one row      data  JSON, the record; rev
-- Errors:   NO_NAME              none of the three names
--           SELF_CONTACT         the owner's own address
--           SAME_DOMAIN          a colleague of the owner's organisation
--           ALREADY_IN_CONTACT   one of the addresses, or the person behind, is another contact's
--           MANY_DEFAULT_EMAIL   more than one default address
--           NO_DEFAULT_MAIL      addresses, but none is the default one
--           INVALID_PARAM        the same address twice
--           INVALID_DATA         never; my_contact_add knows it
--           INVALID_INVITEE_ID   the same
-- Example:  CALL my_contact_create('00000000000000a1', '{"dialect": 1, "firstname": "Ada"}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_create(
    IN in_owner   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_contact LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF COALESCE(NULLIF(JSON_VALUE(in_contact, '$.display_name'), ''), NULLIF(JSON_VALUE(in_contact, '$.firstname'), ''),
                NULLIF(JSON_VALUE(in_contact, '$.lastname'), '')) IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NO_NAME';
    END IF;
    CALL my_contact_add(in_owner, in_contact);
    -- nobody else changes the owner's book before we commit: the newest record is the one just made
    SELECT r.record AS data, r.rev
    FROM contact_ledger AS l
    JOIN contact_record AS r ON r.owner_id = l.owner_id AND r.rev = l.rev
    WHERE l.owner_id = in_owner;
END$$
DELIMITER ;
