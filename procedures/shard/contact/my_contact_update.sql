-- my_contact_update: change an entry of the owner's address book. What is not given stays; lists replace lists.
--
-- The default address decides who is meant as long as no relation exists (memory, sent); afterwards addresses
-- are information only.
--
-- Params:   in_owner     whose address book
--           in_id        contact
--           in_contact   JSON with any of firstname, lastname, surname, comment, message ('' clears),
--                        email, mobile, address, tag (each replaces the whole list)
-- Returns:  one row      data  JSON, the full contact (my_contact_get)
--           rows         node, sockets: the owner's open sockets
-- Errors:   CONACT_NOT_EXIST      no such contact of the owner
--           EMPTY_FIRSTNAME       a registered, related person needs one
--           EMPTY_LASTNAME        the same
--           SELF_CONTACT          the default address is the owner's own
--           SAME_DOMAIN           it is a colleague's
--           ALREADY_IN_CONTACT    it belongs to another contact
--           MANY_DEFAULT_EMAIL    more than one default address
--           NO_DEFAULT_MAIL       none
--           INVALID_PARAM         the same address twice, or a tag that does not exist
-- Example:  CALL my_contact_update('00000000000000a1', '0000000000000c01', '{"comment": "met in Rome"}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_update(
    IN in_owner   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_contact LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_uid, v_peer CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_status VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_email VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE EXIT HANDLER FOR 1062
        RESIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ALREADY_IN_CONTACT', MYSQL_ERRNO = 1644;

    SELECT id, uid, peer_id, status INTO v_id, v_uid, v_peer, v_status
    FROM contact
    WHERE owner_id = in_owner AND id = in_id
    FOR UPDATE;

    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONACT_NOT_EXIST';
    END IF;
    IF v_uid IS NOT NULL AND COALESCE(JSON_VALUE(in_contact, '$.firstname'), '') = '' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'EMPTY_FIRSTNAME';
    END IF;
    IF v_uid IS NOT NULL AND COALESCE(JSON_VALUE(in_contact, '$.lastname'), '') = '' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'EMPTY_LASTNAME';
    END IF;

    -- an entry made by uid has no address of its own, and may stay so
    IF JSON_EXISTS(in_contact, '$.email') AND (JSON_LENGTH(in_contact, '$.email') > 0 OR v_peer IS NULL) THEN
        CALL my_contact_entity(in_owner, in_contact, v_email, v_peer);
        IF v_status IN ('memory', 'sent') THEN
            CALL my_contact_peer_check(in_owner, v_peer);
            IF EXISTS (
                SELECT 1 FROM contact WHERE owner_id = in_owner AND peer_id = v_peer AND id <> v_id
            ) THEN
                SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ALREADY_IN_CONTACT';
            END IF;
            UPDATE contact
            SET entity = COALESCE(v_peer, v_email), peer_id = v_peer,
                category = IF(v_peer IS NULL, 'independant', 'drumate'),
                metadata = JSON_SET(metadata, '$.source', v_email)
            WHERE owner_id = in_owner AND id = v_id;
        END IF;
    END IF;

    UPDATE contact
    SET firstname = IF(JSON_EXISTS(in_contact, '$.firstname'), NULLIF(JSON_VALUE(in_contact, '$.firstname'), ''), firstname),
        lastname = IF(JSON_EXISTS(in_contact, '$.lastname'), NULLIF(JSON_VALUE(in_contact, '$.lastname'), ''), lastname),
        surname = IF(JSON_EXISTS(in_contact, '$.surname'), NULLIF(JSON_VALUE(in_contact, '$.surname'), ''), surname),
        comment = IF(JSON_EXISTS(in_contact, '$.comment'), NULLIF(JSON_VALUE(in_contact, '$.comment'), ''), comment),
        message = IF(JSON_EXISTS(in_contact, '$.message'), NULLIF(JSON_VALUE(in_contact, '$.message'), ''), message),
        is_auto = IF(JSON_EXISTS(in_contact, '$.firstname') OR JSON_EXISTS(in_contact, '$.lastname'), 0, is_auto),
        mtime = UNIX_TIMESTAMP()
    WHERE owner_id = in_owner AND id = v_id;

    CALL my_contact_details_set(in_owner, v_id, in_contact);
    CALL my_contact_get(in_owner, v_id);
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
