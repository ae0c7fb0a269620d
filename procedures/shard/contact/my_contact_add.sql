-- my_contact_add: a new entry in the owner's address book, by address or by uid of a registered person.
--
-- Of two calls at once for one person the unique keys let one win; the other is told ALREADY_IN_CONTACT.
--
-- Params:   in_owner     whose address book
--           in_contact   JSON: invitee_id or email (array of objects, one is_default), and any of
--                        firstname, lastname, surname, comment, message, mobile, address, tag; invite, 1 when he
--                        is invited in the same transaction; origin, where he comes from; and with dialect, from an API where contacts need no
--                        address, what my_contact_details_set knows
-- Returns:  one row      data  JSON, the full contact (my_contact_get)
--           rows         node, sockets: the owner's open sockets
-- Errors:   INVALID_DATA         both, or neither, of invitee_id and email
--           INVALID_INVITEE_ID   nobody is registered under invitee_id
--           SELF_CONTACT         the owner himself
--           SAME_DOMAIN          a colleague of the owner's organisation
--           ALREADY_IN_CONTACT   the owner has that person, or one of the addresses, already: which one (my_contact_clash)
--           MANY_DEFAULT_EMAIL   more than one default address
--           NO_DEFAULT_MAIL      addresses, but none is the default one
--           INVALID_PARAM        the same address twice, or a tag that does not exist
-- Example:  CALL my_contact_add('00000000000000a1', '{"email": [{"email": "doc@example.com", "is_default": 1}]}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_add(
    IN in_owner   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_contact LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin DEFAULT LOWER(HEX(RANDOM_BYTES(8)));
    -- as wide as an id may be: a longer one than ours is nobody's, and no error
    DECLARE v_peer VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT JSON_VALUE(in_contact, '$.invitee_id');
    DECLARE v_found CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_email VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_firstname, v_lastname VARCHAR(255);
    DECLARE v_auto TINYINT DEFAULT 0;
    DECLARE v_invite TINYINT DEFAULT COALESCE(JSON_VALUE(in_contact, '$.invite'), 0);
    DECLARE v_taken VARCHAR(128);
    DECLARE EXIT HANDLER FOR 1062
    BEGIN
        SELECT CONCAT_WS(' ', 'ALREADY_IN_CONTACT', my_contact_clash(in_owner, v_id, in_contact)) INTO v_taken;
        -- MESSAGE_TEXT = 'ALREADY_IN_CONTACT', and which address
        RESIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_taken, MYSQL_ERRNO = 1644;
    END;

    IF (v_peer IS NULL) = (COALESCE(JSON_LENGTH(in_contact, '$.email'), 0) = 0)
       AND NOT JSON_EXISTS(in_contact, '$.dialect') THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_DATA';
    END IF;

    SET v_firstname = NULLIF(JSON_VALUE(in_contact, '$.firstname'), '');
    SET v_lastname = NULLIF(JSON_VALUE(in_contact, '$.lastname'), '');

    IF JSON_LENGTH(in_contact, '$.email') > 0 THEN
        CALL my_contact_entity(in_owner, in_contact, v_email, v_peer);
    ELSEIF v_peer IS NOT NULL THEN
        SELECT MAX(id) INTO v_found FROM yp.drumate WHERE id = v_peer;
        IF v_found IS NULL THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_INVITEE_ID';
        END IF;
        IF v_firstname IS NULL AND v_lastname IS NULL THEN
            SELECT firstname, lastname, 1 INTO v_firstname, v_lastname, v_auto
            FROM yp.drumate WHERE id = v_peer;
        END IF;
    END IF;
    CALL yp.contact_pair_lock(in_owner, v_peer, NULL);
    CALL my_contact_peer_check(in_owner, v_peer);

    IF my_contact_of(in_owner, v_peer) IS NOT NULL THEN
        SELECT CONCAT_WS(' ', 'ALREADY_IN_CONTACT', my_contact_clash(in_owner, v_id, in_contact)) INTO v_taken;
        -- MESSAGE_TEXT = 'ALREADY_IN_CONTACT', and which address
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_taken;
    END IF;

    INSERT INTO contact (owner_id, id, entity, peer_id, surname, firstname, lastname, category, status, invitetime,
                         comment, message, is_auto, metadata, changed, ctime, mtime)
    VALUES (in_owner, v_id, COALESCE(v_peer, v_email, v_id), v_peer, NULLIF(JSON_VALUE(in_contact, '$.surname'), ''),
            v_firstname, v_lastname, IF(v_peer IS NULL, 'independant', 'drumate'),
            IF(v_invite, 'sent', 'memory'), IF(v_invite, v_now, NULL), NULLIF(JSON_VALUE(in_contact, '$.comment'), ''), NULLIF(JSON_VALUE(in_contact, '$.message'), ''),
            v_auto,
            JSON_MERGE_PATCH(JSON_OBJECT('source', COALESCE(v_email, v_peer, '')),
                             JSON_OBJECT('from', JSON_VALUE(in_contact, '$.origin'))),
            now_us(), v_now, v_now);

    CALL my_contact_details_set(in_owner, v_id, in_contact);
    CALL my_contact_get(in_owner, v_id);
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
