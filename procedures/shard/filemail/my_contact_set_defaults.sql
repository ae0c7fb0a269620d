-- my_contact_set_defaults: set the name, the default address and the default number of a contact.
--
-- It serves an API that knows one of each. The address replaces the default address, and the number replaces
-- the default number; the others stay. An address that the contact has already becomes the default, and the
-- former default is deleted. A name that differs from the one in my_contact_book becomes the display name;
-- the API cannot tell first and last name apart, so they stay.
--
-- Params:   in_owner    owner of the address book
--           in_id       contact, in the active list
--           in_change   JSON with any of name (single blanks; with firstname and lastname, for a contact that
--                       has neither), email (text), areacode and phone
-- Returns:  one row     data  JSON, the contact as the lists of the RPC show it (contact_card)
--           rows        node, sockets: open sockets of the owner
--           at most one row   data  JSON, when the entry stands for somebody else than
--                             before: out_former of contact_write
-- Errors:   CONTACT_NOT_FOUND    no such contact in the active list of the owner
--           SELF_CONTACT         an address of the owner
--           SAME_DOMAIN          an address of a colleague
--           ALREADY_IN_CONTACT   a new address, which another contact has
--           INVALID_PARAM        the number has more than 81 characters
-- Excludes: MANY_DEFAULT_EMAIL, NO_DEFAULT_MAIL   one address of the list that is written is the default
-- Needs:    a transaction
-- Example:  CALL my_contact_set_defaults('00000000000000a1', '0000000000000c01', '{"name": "Ada"}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_set_defaults(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_id     VARCHAR(64) COLLATE ascii_bin,
    IN in_change LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_locked_id, v_peer, v_phone_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_changed INT UNSIGNED;
    DECLARE v_former LONGTEXT;
    DECLARE v_email VARCHAR(255) COLLATE utf8mb4_bin DEFAULT JSON_VALUE(in_change, '$.email');
    DECLARE v_name TEXT COLLATE utf8mb4_bin DEFAULT JSON_VALUE(in_change, '$.name');
    DECLARE v_full_name, v_first_last TEXT COLLATE utf8mb4_bin;
    DECLARE v_contact LONGTEXT DEFAULT JSON_REMOVE(in_change, '$.name', '$.email', '$.areacode', '$.phone');
    DECLARE v_entries LONGTEXT DEFAULT '';
    DECLARE v_same_email_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_has_default TINYINT DEFAULT 0;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL contact_lock(in_owner, in_id, IF(v_email IS NULL, '{}', JSON_OBJECT('email', JSON_ARRAY(
        JSON_OBJECT('email', v_email, 'is_default', 1)
    ))), v_locked_id, v_peer);
    SELECT id, NULLIF(TRIM(CONCAT(COALESCE(firstname, ''), ' ', COALESCE(lastname, ''))), ''), full_name
    INTO v_id, v_first_last, v_full_name
    FROM contact
    WHERE owner_id = in_owner AND id = v_locked_id AND box = 'active'
    FOR UPDATE;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    END IF;

    IF v_email IS NOT NULL THEN
        SELECT MAX(id) INTO v_same_email_id
        FROM contact_email
        WHERE owner_id = in_owner AND contact_id = v_id AND email = v_email
        FOR UPDATE;
        FOR e IN (
            SELECT id, email, category, is_default, label
            FROM contact_email
            WHERE owner_id = in_owner AND contact_id = v_id
            ORDER BY position
            FOR UPDATE
        ) DO
            IF e.is_default = 0 OR v_same_email_id IS NULL OR e.id = v_same_email_id THEN
                SET v_entries = CONCAT(v_entries, ',', JSON_OBJECT(
                    'email', IF(e.is_default = 1, v_email, e.email), 'category', e.category,
                    'is_default', IF(e.is_default = 1 OR e.id = v_same_email_id, 1, 0), 'label', e.label
                ));
            END IF;
            SET v_has_default = v_has_default OR e.is_default OR e.id <=> v_same_email_id;
        END FOR;
        IF NOT v_has_default THEN
            SET v_entries = CONCAT(
                ',', JSON_OBJECT('email', v_email, 'category', 'priv', 'is_default', 1), v_entries
            );
        END IF;
        SET v_contact = JSON_SET(v_contact, '$.email', JSON_COMPACT(CONCAT('[', SUBSTR(v_entries, 2), ']')));
    END IF;

    IF JSON_EXISTS(in_change, '$.phone') THEN
        SET v_entries = '';
        SELECT id INTO v_phone_id
        FROM contact_phone
        WHERE owner_id = in_owner AND contact_id = v_id
        ORDER BY COALESCE(label, '') = 'mobile' DESC, is_default DESC, position
        LIMIT 1
        FOR UPDATE;
        FOR p IN (
            SELECT id, areacode, phone, category, is_default, label
            FROM contact_phone
            WHERE owner_id = in_owner AND contact_id = v_id
            ORDER BY position
            FOR UPDATE
        ) DO
            SET v_entries = CONCAT(v_entries, ',', JSON_OBJECT(
                'areacode', IF(p.id = v_phone_id, JSON_VALUE(in_change, '$.areacode'), p.areacode),
                'phone', IF(p.id = v_phone_id, JSON_VALUE(in_change, '$.phone'), p.phone),
                'category', p.category, 'is_default', p.is_default + 0, 'label', p.label
            ));
        END FOR;
        IF v_phone_id IS NULL THEN
            SET v_entries = CONCAT(',', JSON_OBJECT(
                'areacode', JSON_VALUE(in_change, '$.areacode'), 'phone', JSON_VALUE(in_change, '$.phone'),
                'category', 'priv', 'is_default', 1
            ));
        END IF;
        SET v_contact = JSON_SET(v_contact, '$.mobile', JSON_COMPACT(CONCAT('[', SUBSTR(v_entries, 2), ']')));
    END IF;

    SET v_full_name = TRIM(REGEXP_REPLACE(v_full_name, '[\\p{Z}\\s]+', ' '));
    IF v_first_last IS NOT NULL OR v_name = v_full_name THEN
        SET v_contact = JSON_REMOVE(v_contact, '$.firstname', '$.lastname');
    END IF;
    IF v_name <> v_full_name THEN
        SET v_contact = JSON_SET(v_contact, '$.display_name', v_name);
    END IF;
    SET v_contact = JSON_SET(v_contact, '$.from_api', 1, '$.is_typed', 1);
    CALL contact_write(in_owner, v_id, v_contact, v_peer, 0, v_changed, v_former);
    SELECT data FROM contact_card WHERE owner_id = in_owner AND id = v_id;
    CALL yp.user_sockets(in_owner, NULL);
    SELECT v_former AS data FROM (SELECT 1) AS one WHERE v_former IS NOT NULL;
END$$
DELIMITER ;
