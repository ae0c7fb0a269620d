-- my_contact_patch: change a contact as the REST API does: what is given replaces what was, the rest stays.
--
-- Params:   in_owner     whose address book
--           in_id        contact, not in the trash
--           in_contact   JSON as my_contact_update takes it, with dialect; or custom: keys that are put into custom_fields,
--                        those with null taken out
--           in_rev       revision it is meant for, or NULL
-- Returns:  as my_contact_update, and then
--           one row      data  JSON, the record; rev
-- Errors:   CONTACT_NOT_FOUND     no such contact of the owner
--           PRECONDITION_FAILED   the contact has another revision
--           TOO_LARGE             custom_fields would have more than 65,535 bytes
--           NO_NAME               none of display_name, firstname, lastname would be left
--           SELF_CONTACT          an address is the owner's own
--           SAME_DOMAIN           an address that the contact did not have is a colleague's
--           ALREADY_IN_CONTACT    an address belongs to another contact
--           MANY_DEFAULT_EMAIL    more than one default address
--           NO_DEFAULT_MAIL       addresses, but none is the default one
--           INVALID_PARAM         the same address twice
--           CONACT_NOT_EXIST      never; my_contact_update knows it
--           EMPTY_FIRSTNAME       the same
--           EMPTY_LASTNAME        the same
-- Example:  CALL my_contact_patch('00000000000000a1', '0000000000000c01', '{"dialect": 1, "company": "Acme"}', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_patch(
    IN in_owner   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id      CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_contact LONGTEXT,
    IN in_rev     BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_peer, v_new_peer CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_custom LONGTEXT;
    DECLARE v_nameless INT UNSIGNED;

    -- unlocked: who may be concerned, to lock the people before their books
    SELECT peer_id INTO v_peer FROM contact WHERE owner_id = in_owner AND id = in_id;
    SELECT MAX(d.id) INTO v_new_peer
    FROM JSON_TABLE(in_contact, '$.email[*]' COLUMNS (
        email      VARCHAR(255) COLLATE utf8mb4_bin PATH '$.email',
        is_default TINYINT PATH '$.is_default' DEFAULT '0' ON EMPTY
    )) AS j
    JOIN yp.drumate AS d ON d.email = j.email
    WHERE j.is_default = 1;
    CALL yp.contact_pair_lock(in_owner, v_peer, v_new_peer);
    SELECT id, COALESCE(custom_fields, '{}') INTO v_id, v_custom
    FROM contact
    WHERE owner_id = in_owner AND id = in_id AND box <> 'hidden'
    FOR UPDATE;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    END IF;
    CALL my_contact_guard(in_owner, v_id, in_rev);

    IF JSON_EXISTS(in_contact, '$.custom') THEN
        SET v_custom = JSON_COMPACT(shallow_merge(v_custom, JSON_QUERY(in_contact, '$.custom')));
        IF OCTET_LENGTH(v_custom) > 65535 THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'TOO_LARGE custom_fields: more than 65535 bytes';
        END IF;
        SET in_contact = JSON_SET(in_contact, '$.custom_fields', JSON_COMPACT(v_custom));
    END IF;
    CALL my_contact_update(in_owner, v_id, in_contact);

    SELECT COUNT(*) INTO v_nameless
    FROM contact
    WHERE owner_id = in_owner AND id = v_id AND display_name IS NULL AND surname IS NULL AND firstname IS NULL AND lastname IS NULL;
    IF v_nameless = 1
       AND (JSON_EXISTS(in_contact, '$.display_name') OR JSON_EXISTS(in_contact, '$.firstname') OR JSON_EXISTS(in_contact, '$.lastname')) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NO_NAME';
    END IF;
    CALL my_contact_record(in_owner, v_id, 0);
END$$
DELIMITER ;
