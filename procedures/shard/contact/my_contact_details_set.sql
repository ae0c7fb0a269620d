-- my_contact_details_set: replace the addresses, numbers and tags of a contact by those given; keep what is not given.
--
-- What a caller cannot know, or does not say, stays with what he gives back unchanged: the label of an address or a number,
-- state and postal code of a postal address, where a number is split, which one is the default. Also refreshes what is derived: the default address on the
-- contact, the words searches find it by, its record.
--
-- Params:   in_owner     whose address book
--           in_id        contact, locked by the caller
--           in_contact   JSON with any of email, mobile, address (arrays of objects) and tag (array of tag ids).
--                        From another API (dialect): number instead of areacode and phone, tags (names, made when new)
--                        instead of tag, and what my_contact_dialect_set knows
-- Returns:  nothing
-- Errors:   MANY_DEFAULT_EMAIL   more than one default address
--           NO_DEFAULT_MAIL      addresses, but none is the default one
--           SAME_DOMAIN          an address that the contact did not have is a colleague's
--           ALREADY_IN_CONTACT   an address belongs to another contact: which one (my_contact_clash)
--           INVALID_PARAM        the same address twice, a tag that does not exist, or a number longer than 81 characters
-- Example:  CALL my_contact_details_set('00000000000000a1', '0000000000000000', '{}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_details_set(
    IN in_owner   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id      CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_contact LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_emails, v_distinct, v_defaults, v_colleagues, v_longest, v_unknown INT UNSIGNED;
    DECLARE v_old LONGTEXT DEFAULT '';
    DECLARE v_taken VARCHAR(128);
    DECLARE EXIT HANDLER FOR 1062
    BEGIN
        SELECT CONCAT_WS(' ', 'ALREADY_IN_CONTACT', my_contact_clash(in_owner, in_id, in_contact)) INTO v_taken;
        -- MESSAGE_TEXT = 'ALREADY_IN_CONTACT', and which address
        RESIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_taken, MYSQL_ERRNO = 1644;
    END;

    IF JSON_EXISTS(in_contact, '$.email') THEN
        SELECT COUNT(*), COUNT(DISTINCT j.email), COALESCE(SUM(j.is_default = 1), 0)
        INTO v_emails, v_distinct, v_defaults
        FROM JSON_TABLE(in_contact, '$.email[*]' COLUMNS (
            email      VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.email',
            is_default TINYINT PATH '$.is_default' DEFAULT '0' ON EMPTY
        )) AS j;
        IF v_distinct < v_emails THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_PARAM email: the same address twice';
        ELSEIF v_defaults > 1 THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MANY_DEFAULT_EMAIL';
        ELSEIF v_defaults = 0 AND v_emails > 0 THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NO_DEFAULT_MAIL';
        END IF;
        -- unlocked: the contact is locked, and with it whoever changes its addresses
        SELECT COUNT(*) INTO v_colleagues
        FROM JSON_TABLE(in_contact, '$.email[*]' COLUMNS (
            email VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.email'
        )) AS j
        JOIN yp.drumate AS me ON me.id = in_owner AND me.domain_id > 1
        JOIN yp.drumate AS d ON d.email = j.email AND d.domain_id = me.domain_id
        LEFT JOIN contact_email AS k ON k.owner_id = in_owner AND k.email = j.email AND k.contact_id = in_id
        WHERE k.id IS NULL;
        IF v_colleagues > 0 THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SAME_DOMAIN';
        END IF;

        FOR e IN (
            SELECT email, label FROM contact_email
            WHERE owner_id = in_owner AND contact_id = in_id AND label IS NOT NULL
            FOR UPDATE
        ) DO
            SET v_old = CONCAT(v_old, ',', JSON_OBJECT('email', e.email, 'label', e.label));
        END FOR;
        DELETE FROM contact_email WHERE owner_id = in_owner AND contact_id = in_id;
        INSERT INTO contact_email (owner_id, id, contact_id, email, category, is_default, position, label)
        SELECT in_owner, LOWER(HEX(RANDOM_BYTES(8))), in_id, j.email, j.category, j.is_default, j.position,
               COALESCE(j.label, o.label)
        FROM JSON_TABLE(in_contact, '$.email[*]' COLUMNS (
            position   FOR ORDINALITY,
            email      VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.email',
            category   VARCHAR(8) PATH '$.category' DEFAULT 'priv' ON EMPTY,
            is_default TINYINT PATH '$.is_default' DEFAULT '0' ON EMPTY,
            label      VARCHAR(32) PATH '$.label'
        )) AS j
        LEFT JOIN JSON_TABLE(CONCAT('[', SUBSTR(v_old, 2), ']'), '$[*]' COLUMNS (
            email VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.email',
            label VARCHAR(32) PATH '$.label'
        )) AS o ON o.email = j.email;
        UPDATE contact
        SET email = (
            SELECT e.email FROM contact_email AS e
            WHERE e.owner_id = in_owner AND e.contact_id = in_id AND e.is_default = 1
        )
        WHERE owner_id = in_owner AND id = in_id;
    END IF;

    IF JSON_EXISTS(in_contact, '$.mobile') THEN
        SELECT MAX(CHAR_LENGTH(TRIM(CONCAT(COALESCE(j.areacode, ''), ' ', j.phone)))) INTO v_longest
        FROM JSON_TABLE(in_contact, '$.mobile[*]' COLUMNS (
            areacode VARCHAR(16) PATH '$.areacode',
            phone    VARCHAR(81) PATH '$.phone'
        )) AS j;
        IF v_longest > 81 THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_PARAM mobile: area code and number have more than 81 characters';
        END IF;
        SET v_old = '', v_defaults = 0;
        FOR p IN (
            SELECT areacode, phone, is_default, label FROM contact_phone
            WHERE owner_id = in_owner AND contact_id = in_id
            ORDER BY position
            FOR UPDATE
        ) DO
            SET v_defaults = v_defaults + p.is_default, v_old = CONCAT(v_old, ',', JSON_OBJECT(
                'areacode', p.areacode, 'phone', p.phone, 'is_default', p.is_default + 0, 'label', p.label
            ));
        END FOR;
        DELETE FROM contact_phone WHERE owner_id = in_owner AND contact_id = in_id;
        -- the n-th of several that are alike keeps what the n-th had. Where nobody made one the default, other APIs show the
        -- first as such, and give that back
        INSERT INTO contact_phone (owner_id, id, contact_id, areacode, phone, category, is_default, position, label)
        SELECT in_owner, LOWER(HEX(RANDOM_BYTES(8))), in_id,
               COALESCE(j.areacode, o.areacode, IF(j.number RLIKE '^[+][0-9]{1,4} [0-9(]', SUBSTRING_INDEX(j.number, ' ', 1), '')),
               COALESCE(j.phone, o.phone, IF(j.number RLIKE '^[+][0-9]{1,4} [0-9(]', SUBSTR(j.number, LOCATE(' ', j.number) + 1), j.number)),
               j.category,
               IF(v_defaults = 0 AND o.position = 1 AND j.position = 1 AND j.number IS NOT NULL, 0,
                  COALESCE(j.is_default, IF(JSON_EXTRACT(in_contact, '$.mobile[*].is_default') LIKE '%1%', 0, o.is_default), 0)),
               j.position, COALESCE(j.label, o.label)
        FROM (
            SELECT g.*, COALESCE(g.number, TRIM(CONCAT(COALESCE(g.areacode, ''), ' ', g.phone))) AS whole, ROW_NUMBER() OVER (
                PARTITION BY COALESCE(g.number, TRIM(CONCAT(COALESCE(g.areacode, ''), ' ', g.phone))) ORDER BY g.position
            ) AS turn
            FROM JSON_TABLE(in_contact, '$.mobile[*]' COLUMNS (
                position   FOR ORDINALITY,
                number     VARCHAR(81) COLLATE utf8mb4_bin PATH '$.number',
                areacode   VARCHAR(16) COLLATE utf8mb4_bin PATH '$.areacode',
                phone      VARCHAR(81) COLLATE utf8mb4_bin PATH '$.phone',
                category   VARCHAR(8) PATH '$.category' DEFAULT 'priv' ON EMPTY,
                is_default TINYINT PATH '$.is_default',
                label      VARCHAR(32) PATH '$.label'
            )) AS g
        ) AS j
        LEFT JOIN (
            SELECT k.*, TRIM(CONCAT(k.areacode, ' ', k.phone)) AS whole, ROW_NUMBER() OVER (
                PARTITION BY TRIM(CONCAT(k.areacode, ' ', k.phone)) ORDER BY k.position
            ) AS turn
            FROM JSON_TABLE(CONCAT('[', SUBSTR(v_old, 2), ']'), '$[*]' COLUMNS (
                position   FOR ORDINALITY,
                areacode   VARCHAR(16) COLLATE utf8mb4_bin PATH '$.areacode',
                phone      VARCHAR(81) COLLATE utf8mb4_bin PATH '$.phone',
                is_default TINYINT PATH '$.is_default',
                label      VARCHAR(32) PATH '$.label'
            )) AS k
        ) AS o ON o.whole = j.whole AND o.turn = j.turn;
    END IF;

    IF JSON_EXISTS(in_contact, '$.address') THEN
        SET v_old = '';
        FOR a IN (
            SELECT street, city, state, postal_code, country, is_default, label FROM contact_address
            WHERE owner_id = in_owner AND contact_id = in_id
            ORDER BY position
            FOR UPDATE
        ) DO
            SET v_old = CONCAT(v_old, ',', JSON_OBJECT(
                'street', a.street, 'city', a.city, 'state', a.state, 'postal_code', a.postal_code, 'country', a.country,
                'is_default', a.is_default + 0, 'label', a.label
            ));
        END FOR;
        DELETE FROM contact_address WHERE owner_id = in_owner AND contact_id = in_id;
        INSERT INTO contact_address (owner_id, id, contact_id, street, city, state, postal_code, country, category,
                                     is_default, position, label)
        SELECT in_owner, LOWER(HEX(RANDOM_BYTES(8))), in_id, j.street, j.city, COALESCE(j.state, o.state, ''),
               COALESCE(j.postal_code, o.postal_code, ''), j.country, j.category,
               COALESCE(j.is_default, IF(JSON_EXTRACT(in_contact, '$.address[*].is_default') LIKE '%1%', 0, o.is_default), 0),
               j.position, COALESCE(j.label, o.label)
        FROM (
            SELECT g.*, ROW_NUMBER() OVER (PARTITION BY g.street, g.city, g.country ORDER BY g.position) AS turn
            FROM JSON_TABLE(in_contact, '$.address[*]' COLUMNS (
                position    FOR ORDINALITY,
                street      VARCHAR(255) PATH '$.street' DEFAULT '' ON EMPTY,
                city        VARCHAR(255) PATH '$.city' DEFAULT '' ON EMPTY,
                state       VARCHAR(255) PATH '$.state',
                postal_code VARCHAR(32) PATH '$.postal_code',
                country     VARCHAR(255) PATH '$.country' DEFAULT '' ON EMPTY,
                category    VARCHAR(8) PATH '$.category' DEFAULT 'priv' ON EMPTY,
                is_default  TINYINT PATH '$.is_default',
                label       VARCHAR(32) PATH '$.label'
            )) AS g
        ) AS j
        LEFT JOIN (
            SELECT k.*, ROW_NUMBER() OVER (PARTITION BY k.street, k.city, k.country ORDER BY k.position) AS turn
            FROM JSON_TABLE(CONCAT('[', SUBSTR(v_old, 2), ']'), '$[*]' COLUMNS (
                position    FOR ORDINALITY,
                street      VARCHAR(255) PATH '$.street',
                city        VARCHAR(255) PATH '$.city',
                state       VARCHAR(255) PATH '$.state',
                postal_code VARCHAR(32) PATH '$.postal_code',
                country     VARCHAR(255) PATH '$.country',
                is_default  TINYINT PATH '$.is_default',
                label       VARCHAR(32) PATH '$.label'
            )) AS k
        ) AS o ON o.street = j.street AND o.city = j.city AND o.country = j.country AND o.turn = j.turn;
    END IF;

    IF JSON_EXISTS(in_contact, '$.tag') THEN
        SELECT COUNT(*) INTO v_unknown
        FROM JSON_TABLE(in_contact, '$.tag[*]' COLUMNS (tag_id VARCHAR(64) PATH '$')) AS j
        WHERE NOT EXISTS (
            SELECT 1 FROM tag AS t
            WHERE t.owner_id = in_owner AND t.tag_id = CONVERT(j.tag_id USING ascii)
        );
        IF v_unknown > 0 THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_PARAM tag: no such tag';
        END IF;
        DELETE FROM map_tag WHERE owner_id = in_owner AND entity_id = in_id;
        INSERT INTO map_tag (owner_id, tag_id, entity_id, category)
        SELECT DISTINCT in_owner, j.tag_id, in_id, 'contact'
        FROM JSON_TABLE(in_contact, '$.tag[*]' COLUMNS (tag_id VARCHAR(64) PATH '$')) AS j;
    END IF;

    IF JSON_EXISTS(in_contact, '$.dialect') THEN
        CALL my_contact_dialect_set(in_owner, in_id, in_contact);
    END IF;
    CALL my_contact_terms(in_owner, in_id);
    CALL my_contact_touch(in_owner, in_id);
END$$
DELIMITER ;
