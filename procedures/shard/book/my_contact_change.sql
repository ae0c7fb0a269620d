-- my_contact_change: change a contact as an API does that knows one name, one address and one number of it.
--
-- The address given takes the place of the default one, the number that of the default number; the others stay. An address
-- that he has already becomes the default as it is, and the former default one goes. Another name than my_contact_book shows
-- becomes the display name; first and last name, which that API cannot tell apart, stay.
--
-- Params:   in_owner    whose address book
--           in_id       contact, in the active list
--           in_change   JSON with any of name (blanks single; with firstname and lastname, for a contact that has neither),
--                       email (text), areacode and phone
-- Returns:  as my_contact_update
-- Errors:   CONACT_NOT_EXIST     no such contact in the owner's active list
--           SELF_CONTACT         the address is the owner's own
--           SAME_DOMAIN          it is a colleague's
--           ALREADY_IN_CONTACT   it belongs to another contact
--           EMPTY_FIRSTNAME      never; my_contact_update knows it
--           EMPTY_LASTNAME       the same
--           MANY_DEFAULT_EMAIL   the same
--           NO_DEFAULT_MAIL      the same
--           INVALID_PARAM        the same
-- Example:  CALL my_contact_change('00000000000000a1', '0000000000000c01', '{"name": "Ada"}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_change(
    IN in_owner  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id     VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_change LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_peer, v_new_peer, v_phone CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_address VARCHAR(255) COLLATE utf8mb4_bin DEFAULT JSON_VALUE(in_change, '$.email');
    DECLARE v_name TEXT COLLATE utf8mb4_bin DEFAULT JSON_VALUE(in_change, '$.name');
    DECLARE v_shown, v_typed TEXT COLLATE utf8mb4_bin;
    DECLARE v_contact LONGTEXT DEFAULT JSON_REMOVE(in_change, '$.name', '$.email', '$.areacode', '$.phone');
    DECLARE v_list LONGTEXT DEFAULT '';
    DECLARE v_own CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_placed TINYINT DEFAULT 0;

    SELECT peer_id INTO v_peer FROM contact WHERE owner_id = in_owner AND id = in_id;
    SELECT MAX(id) INTO v_new_peer FROM yp.drumate WHERE email = v_address;
    CALL yp.contact_pair_lock(in_owner, v_peer, v_new_peer);
    SELECT id, NULLIF(TRIM(CONCAT(COALESCE(firstname, ''), ' ', COALESCE(lastname, ''))), ''), full_name
    INTO v_id, v_typed, v_shown
    FROM contact
    WHERE owner_id = in_owner AND id = in_id AND box = 'active'
    FOR UPDATE;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONACT_NOT_EXIST';
    END IF;

    IF v_address IS NOT NULL THEN
        SELECT MAX(id) INTO v_own FROM contact_email
        WHERE owner_id = in_owner AND contact_id = v_id AND email = v_address
        FOR UPDATE;
        FOR e IN (
            SELECT id, email, category, is_default, label FROM contact_email
            WHERE owner_id = in_owner AND contact_id = v_id
            ORDER BY position
            FOR UPDATE
        ) DO
            IF e.is_default = 0 OR v_own IS NULL OR e.id = v_own THEN
                SET v_list = CONCAT(v_list, ',', JSON_OBJECT(
                    'email', IF(e.is_default = 1, v_address, e.email), 'category', e.category,
                    'is_default', IF(e.is_default = 1 OR e.id = v_own, 1, 0), 'label', e.label
                ));
            END IF;
            SET v_placed = v_placed OR e.is_default OR e.id <=> v_own;
        END FOR;
        IF NOT v_placed THEN
            SET v_list = CONCAT(',', JSON_OBJECT('email', v_address, 'category', 'priv', 'is_default', 1), v_list);
        END IF;
        SET v_contact = JSON_SET(v_contact, '$.email', JSON_COMPACT(CONCAT('[', SUBSTR(v_list, 2), ']')));
    END IF;

    IF JSON_EXISTS(in_change, '$.phone') THEN
        SET v_list = '';
        SELECT id INTO v_phone FROM contact_phone
        WHERE owner_id = in_owner AND contact_id = v_id
        ORDER BY label_of(label, category, '') = 'mobile' DESC, is_default DESC, position
        LIMIT 1
        FOR UPDATE;
        FOR p IN (
            SELECT id, areacode, phone, category, is_default, label FROM contact_phone
            WHERE owner_id = in_owner AND contact_id = v_id
            ORDER BY position
            FOR UPDATE
        ) DO
            SET v_list = CONCAT(v_list, ',', JSON_OBJECT(
                'areacode', IF(p.id = v_phone, JSON_VALUE(in_change, '$.areacode'), p.areacode),
                'phone', IF(p.id = v_phone, JSON_VALUE(in_change, '$.phone'), p.phone),
                'category', p.category, 'is_default', p.is_default + 0, 'label', p.label
            ));
        END FOR;
        IF v_phone IS NULL THEN
            SET v_list = CONCAT(',', JSON_OBJECT(
                'areacode', JSON_VALUE(in_change, '$.areacode'), 'phone', JSON_VALUE(in_change, '$.phone'),
                'category', 'priv', 'is_default', 1
            ));
        END IF;
        SET v_contact = JSON_SET(v_contact, '$.mobile', JSON_COMPACT(CONCAT('[', SUBSTR(v_list, 2), ']')));
    END IF;

    SET v_shown = TRIM(REGEXP_REPLACE(v_shown, '[\\p{Z}\\s]+', ' '));
    IF v_typed IS NOT NULL OR v_name = v_shown THEN
        SET v_contact = JSON_REMOVE(v_contact, '$.firstname', '$.lastname');
    END IF;
    IF v_name <> v_shown THEN
        SET v_contact = JSON_SET(v_contact, '$.display_name', v_name);
    END IF;
    CALL my_contact_update(in_owner, v_id, JSON_SET(v_contact, '$.dialect', 1));
END$$
DELIMITER ;
