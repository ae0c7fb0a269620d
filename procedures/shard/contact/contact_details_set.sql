-- contact_details_set: write the addresses, numbers and tags of a contact. A list replaces the stored one:
-- its entries are inserted or updated, all others are deleted. A list that is absent stays as it is.
--
-- An API that does not know a property sends the entry back without it, and the property stays: the label of
-- an address or a number, as long as its category stays; state and postal code of a postal address;
-- the place where a number is split; the default entry. A number is the same when its digits are: the form of
-- the frontend removes blanks, and writes a `+` alone for an area code that is empty.
--
-- All lists stand in one routine: one for each would make thirteen that a patch reaches. Numbers and postal
-- addresses have other tables and columns, which no parameter can name, so their blocks are alike.
--
-- Params:   in_owner      owner of the address book
--           in_id         contact, locked by the caller
--           in_contact    JSON with any of email, mobile, address (arrays of objects) and tag (array
--                         of tag ids). Another API may send number instead of areacode and phone,
--                         and tags (names; missing tags are created) instead of tag. The caller
--                         checks the addresses (contact_write)
--           in_is_new     1: the contact has no entries yet
--           out_changed   number of rows written
-- Returns:  nothing
-- Errors:   INVALID_PARAM   a tag does not exist, or a number is longer than 81 characters
-- Needs:    a transaction
-- Example:  CALL contact_details_set('00000000000000a1', '0000000000000000', '{}', 0, @changed);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_details_set(
    IN in_owner     CHAR(16) COLLATE ascii_bin,
    IN in_id        CHAR(16) COLLATE ascii_bin,
    IN in_contact   LONGTEXT,
    IN in_is_new    TINYINT,
    OUT out_changed INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_index, v_count, v_row_count, v_unknown_count INT UNSIGNED;
    DECLARE v_position, v_old_position INT;
    DECLARE v_email VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_has_default, v_default, v_old_default TINYINT;
    DECLARE v_id, v_first_id CHAR(16) COLLATE ascii_bin;
    -- ids of the rows that stay, separated by commas
    DECLARE v_used_ids TEXT COLLATE ascii_bin;
    DECLARE v_item, v_tag_ids LONGTEXT;
    DECLARE v_category, v_old_category VARCHAR(8) COLLATE ascii_bin;
    DECLARE v_label, v_old_label VARCHAR(32);
    DECLARE v_number, v_full_number, v_old_number, v_digits TEXT COLLATE utf8mb4_bin;
    DECLARE v_areacode, v_old_areacode VARCHAR(16) COLLATE utf8mb4_bin;
    DECLARE v_phone, v_old_phone VARCHAR(81) COLLATE utf8mb4_bin;
    DECLARE v_street, v_city, v_country, v_old_state VARCHAR(255);
    DECLARE v_old_postal_code VARCHAR(32);
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SET out_changed = 0;
    IF JSON_EXISTS(in_contact, '$.email') THEN
        SET v_index = 0,
            v_count = COALESCE(JSON_LENGTH(in_contact, '$.email'), 0);
        WHILE v_index < v_count DO
            SET v_item = JSON_EXTRACT(in_contact, CONCAT('$.email[', v_index, ']')),
                v_index = v_index + 1,
                v_email = JSON_VALUE(v_item, '$.email'),
                v_category = IF(JSON_EXISTS(v_item, '$.category'), JSON_VALUE(v_item, '$.category'), 'priv'),
                v_default = IF(JSON_EXISTS(v_item, '$.is_default'), JSON_VALUE(v_item, '$.is_default'), 0),
                v_label = JSON_VALUE(v_item, '$.label'),
                v_old_position = NULL;
            IF NOT in_is_new THEN
                -- unlocked: the owner is locked
                SELECT category, is_default, position, label
                INTO v_old_category, v_old_default, v_old_position, v_old_label
                FROM contact_email
                WHERE owner_id = in_owner AND contact_id = in_id AND email = v_email;
            END IF;
            -- a label that contradicts the category is left out
            SET v_label = CASE
                    WHEN v_label IS NULL
                        THEN IF(v_old_position IS NOT NULL AND v_old_category = v_category, v_old_label, NULL)
                    WHEN LOWER(v_label) COLLATE utf8mb4_bin IN ('work', 'home', 'personal')
                         AND (LOWER(v_label) COLLATE utf8mb4_bin = 'work') <> (v_category = 'prof') THEN NULL
                    ELSE NULLIF(v_label, '') END;
            IF v_old_position IS NULL THEN
                INSERT INTO contact_email (owner_id, contact_id, email, id, category, is_default, position,
                                           label)
                VALUES (in_owner, in_id, v_email, LOWER(HEX(RANDOM_BYTES(8))), v_category, v_default, v_index,
                        v_label);
                SET out_changed = out_changed + 1;
            ELSEIF v_old_category <> v_category OR v_old_default <> v_default OR v_old_position <> v_index
                   OR NOT (v_old_label COLLATE utf8mb4_nopad_bin <=> v_label) THEN
                UPDATE contact_email
                SET category = v_category, is_default = v_default, position = v_index, label = v_label
                WHERE owner_id = in_owner AND contact_id = in_id AND email = v_email;
                SET out_changed = out_changed + 1;
            END IF;
        END WHILE;
        IF NOT in_is_new THEN
            -- unlocked: the owner is locked
            SELECT COUNT(*) INTO v_row_count
            FROM contact_email
            WHERE owner_id = in_owner AND contact_id = in_id;
            IF v_row_count > v_count THEN
                DELETE e
                FROM contact_email AS e
                LEFT JOIN JSON_TABLE(in_contact, '$.email[*]' COLUMNS (
                    email VARCHAR(255) COLLATE utf8mb4_bin PATH '$.email'
                )) AS j ON j.email = e.email
                WHERE e.owner_id = in_owner AND e.contact_id = in_id AND j.email IS NULL;
                SET out_changed = out_changed + ROW_COUNT();
            END IF;
        END IF;
    END IF;

    IF JSON_EXISTS(in_contact, '$.mobile') THEN
        SET v_used_ids = '', v_index = 0,
            v_count = JSON_LENGTH(in_contact, '$.mobile'),
            v_has_default = JSON_EXTRACT(in_contact, '$.mobile[*].is_default') LIKE '%1%';
        IF NOT in_is_new AND JSON_EXISTS(in_contact, '$.mobile[0].number') THEN
            -- without a default number, other APIs show the first one as the default, and send that back
            SELECT SUBSTRING_INDEX(GROUP_CONCAT(id ORDER BY position), ',', 1) INTO v_first_id
            FROM contact_phone
            WHERE owner_id = in_owner AND contact_id = in_id
            HAVING SUM(is_default) = 0
            FOR UPDATE;
        END IF;
        WHILE v_index < v_count DO
            SET v_item = JSON_EXTRACT(in_contact, CONCAT('$.mobile[', v_index, ']')),
                v_index = v_index + 1,
                v_number = JSON_VALUE(v_item, '$.number'),
                v_areacode = JSON_VALUE(v_item, '$.areacode'),
                v_areacode = IF(v_areacode = '+', '', v_areacode),
                v_phone = JSON_VALUE(v_item, '$.phone'),
                v_label = JSON_VALUE(v_item, '$.label'),
                v_category = COALESCE(JSON_VALUE(v_item, '$.category'), 'priv'),
                v_default = JSON_VALUE(v_item, '$.is_default'),
                v_full_number = COALESCE(v_number, TRIM(CONCAT(COALESCE(v_areacode, ''), ' ', v_phone))),
                v_id = NULL, v_old_number = NULL, v_old_areacode = NULL, v_old_phone = NULL,
                v_old_default = NULL, v_old_label = NULL, v_old_category = NULL;
            IF CHAR_LENGTH(v_full_number) > 81 THEN
                SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{"code": "INVALID_PARAM", "field": "mobile",'
                    ' "reason": "area code and number have more than 81 characters"}';
            END IF;
            IF NOT in_is_new THEN
                -- of several equal numbers, the n-th one matches the n-th row
                SET v_digits = REGEXP_REPLACE(v_full_number, '[^0-9]', '');
                SELECT id, TRIM(CONCAT(areacode, ' ', phone)), areacode, phone, is_default, label, category
                INTO v_id, v_old_number, v_old_areacode, v_old_phone, v_old_default, v_old_label,
                     v_old_category
                FROM contact_phone
                WHERE owner_id = in_owner AND contact_id = in_id AND LOCATE(id, v_used_ids) = 0
                  AND (TRIM(CONCAT(areacode, ' ', phone)) COLLATE utf8mb4_bin = v_full_number
                       OR REGEXP_REPLACE(CONCAT(areacode, phone), '[^0-9]', '') COLLATE utf8mb4_bin
                          = NULLIF(v_digits, ''))
                ORDER BY TRIM(CONCAT(areacode, ' ', phone)) COLLATE utf8mb4_bin = v_full_number DESC, position
                LIMIT 1
                FOR UPDATE;
            END IF;
            IF v_old_number <> v_full_number THEN
                SET v_old_areacode = NULL, v_old_phone = NULL; -- written in another way now
            END IF;
            IF v_phone IS NULL AND v_old_phone IS NULL AND v_number RLIKE '^[+][0-9]{1,4} [0-9(]' THEN
                SET v_areacode = SUBSTRING_INDEX(v_number, ' ', 1),
                    v_phone = SUBSTR(v_number, LOCATE(' ', v_number) + 1);
            END IF;
            SET v_label = IF(v_label IS NULL, IF(v_old_category = v_category, v_old_label, NULL), v_label),
                v_default = IF(v_number IS NOT NULL AND v_index = 1 AND v_id = v_first_id, 0,
                               COALESCE(v_default, IF(v_has_default, 0, v_old_default), 0)),
                v_id = COALESCE(v_id, LOWER(HEX(RANDOM_BYTES(8)))),
                v_used_ids = CONCAT(v_used_ids, v_id, ',');
            INSERT INTO contact_phone (owner_id, contact_id, id, areacode, phone, category, is_default,
                                       position, label)
            VALUES (in_owner, in_id, v_id,
                    COALESCE(v_areacode, v_old_areacode, ''),
                    COALESCE(v_phone, v_old_phone, v_number),
                    v_category, v_default, v_index,
                    IF(LOWER(v_label) COLLATE utf8mb4_bin IN ('work', 'home', 'personal')
                       AND (LOWER(v_label) COLLATE utf8mb4_bin = 'work') <> (v_category = 'prof'),
                       NULL, NULLIF(v_label, '')))
            ON DUPLICATE KEY UPDATE
                -- before the columns that it compares: MariaDB assigns from left to right
                international = IF(areacode = VALUE(areacode) AND phone = VALUE(phone), international, NULL),
                areacode = VALUE(areacode), phone = VALUE(phone), category = VALUE(category),
                is_default = VALUE(is_default), position = VALUE(position), label = VALUE(label);
            SET out_changed = out_changed + ROW_COUNT();
        END WHILE;
        IF NOT in_is_new THEN
            DELETE FROM contact_phone
            WHERE owner_id = in_owner AND contact_id = in_id AND LOCATE(id, v_used_ids) = 0;
            SET out_changed = out_changed + ROW_COUNT();
        END IF;
    END IF;

    IF JSON_EXISTS(in_contact, '$.address') THEN
        SET v_used_ids = '', v_index = 0,
            v_count = JSON_LENGTH(in_contact, '$.address'),
            v_has_default = JSON_EXTRACT(in_contact, '$.address[*].is_default') LIKE '%1%';
        WHILE v_index < v_count DO
            SET v_item = JSON_EXTRACT(in_contact, CONCAT('$.address[', v_index, ']')),
                v_index = v_index + 1,
                v_street = COALESCE(JSON_VALUE(v_item, '$.street'), ''),
                v_city = COALESCE(JSON_VALUE(v_item, '$.city'), ''),
                v_country = COALESCE(JSON_VALUE(v_item, '$.country'), ''),
                v_label = JSON_VALUE(v_item, '$.label'),
                v_category = COALESCE(JSON_VALUE(v_item, '$.category'), 'priv'),
                v_default = JSON_VALUE(v_item, '$.is_default'),
                v_id = NULL, v_old_state = NULL, v_old_postal_code = NULL, v_old_default = NULL,
                v_old_label = NULL, v_old_category = NULL;
            IF NOT in_is_new THEN
                SELECT id, state, postal_code, is_default, label, category
                INTO v_id, v_old_state, v_old_postal_code, v_old_default, v_old_label, v_old_category
                FROM contact_address
                WHERE owner_id = in_owner AND contact_id = in_id AND LOCATE(id, v_used_ids) = 0
                  AND street = v_street AND city = v_city AND country = v_country
                ORDER BY position
                LIMIT 1
                FOR UPDATE;
            END IF;
            SET v_label = IF(v_label IS NULL, IF(v_old_category = v_category, v_old_label, NULL), v_label),
                v_id = COALESCE(v_id, LOWER(HEX(RANDOM_BYTES(8)))),
                v_used_ids = CONCAT(v_used_ids, v_id, ',');
            INSERT INTO contact_address (owner_id, contact_id, id, street, city, state, postal_code, country,
                                         category, is_default, position, label)
            VALUES (in_owner, in_id, v_id, v_street, v_city,
                    COALESCE(JSON_VALUE(v_item, '$.state'), v_old_state, ''),
                    COALESCE(JSON_VALUE(v_item, '$.postal_code'), v_old_postal_code, ''),
                    v_country, v_category,
                    COALESCE(v_default, IF(v_has_default, 0, v_old_default), 0), v_index,
                    IF(LOWER(v_label) COLLATE utf8mb4_bin IN ('work', 'home', 'personal')
                       AND (LOWER(v_label) COLLATE utf8mb4_bin = 'work') <> (v_category = 'prof'),
                       NULL, NULLIF(v_label, '')))
            ON DUPLICATE KEY UPDATE
                street = VALUE(street), city = VALUE(city), state = VALUE(state),
                postal_code = VALUE(postal_code), country = VALUE(country), category = VALUE(category),
                is_default = VALUE(is_default), position = VALUE(position), label = VALUE(label);
            SET out_changed = out_changed + ROW_COUNT();
        END WHILE;
        IF NOT in_is_new THEN
            DELETE FROM contact_address
            WHERE owner_id = in_owner AND contact_id = in_id AND LOCATE(id, v_used_ids) = 0;
            SET out_changed = out_changed + ROW_COUNT();
        END IF;
    END IF;

    -- every routine that changes tags waits for the lock of the owner
    IF JSON_EXISTS(in_contact, '$.tag') THEN
        IF JSON_LENGTH(in_contact, '$.tag') > 0 THEN
            -- unlocked: the owner is locked
            SELECT COUNT(*) INTO v_unknown_count
            FROM JSON_TABLE(in_contact, '$.tag[*]' COLUMNS (
                tag_id VARCHAR(64) COLLATE utf8mb4_unicode_520_ci PATH '$'
            )) AS j
            LEFT JOIN tag AS t ON t.owner_id = in_owner AND t.tag_id = CONVERT(j.tag_id USING ascii)
            WHERE t.tag_id IS NULL;
            IF v_unknown_count > 0 THEN
                SIGNAL SQLSTATE '45000'
                    SET MESSAGE_TEXT = '{"code": "INVALID_PARAM", "field": "tag", "reason": "no such tag"}';
            END IF;
        END IF;
        SET v_tag_ids = JSON_EXTRACT(in_contact, '$.tag');
    ELSEIF JSON_LENGTH(in_contact, '$.tags') > 0 THEN
        -- unlocked: the owner is locked
        SELECT COUNT(*) INTO v_unknown_count
        FROM JSON_TABLE(in_contact, '$.tags[*]' COLUMNS (name VARCHAR(255) COLLATE utf8mb4_bin PATH '$')) AS j
        LEFT JOIN tag AS t ON t.owner_id = in_owner AND t.name = j.name
        WHERE t.tag_id IS NULL;
        IF v_unknown_count > 0 THEN
            -- an owner has few tags; all are locked, so that two calls at once create a tag only once
            -- lock only: the lock of the owner is written
            SELECT COALESCE(MAX(position), 0) INTO v_position FROM tag WHERE owner_id = in_owner FOR UPDATE;
            INSERT INTO tag (owner_id, tag_id, name, position, ctime)
            SELECT in_owner, LOWER(HEX(RANDOM_BYTES(8))), n.name, v_position + n.position, UNIX_TIMESTAMP()
            FROM (
                SELECT MIN(j.name) AS name, MIN(j.position) AS position
                FROM JSON_TABLE(in_contact, '$.tags[*]' COLUMNS (
                    position FOR ORDINALITY,
                    name     VARCHAR(255) COLLATE utf8mb4_bin PATH '$'
                )) AS j
                GROUP BY j.name
            ) AS n
            WHERE NOT EXISTS (SELECT 1 FROM tag AS t WHERE t.owner_id = in_owner AND t.name = n.name);
        END IF;
        -- lock only: the lock of the owner is written
        SELECT JSON_ARRAYAGG(t.tag_id) INTO v_tag_ids
        FROM JSON_TABLE(in_contact, '$.tags[*]' COLUMNS (name VARCHAR(255) COLLATE utf8mb4_bin PATH '$')) AS j
        JOIN tag AS t ON t.owner_id = in_owner AND t.name = j.name
        FOR UPDATE;
    ELSEIF JSON_EXISTS(in_contact, '$.tags') THEN
        SET v_tag_ids = '[]';
    END IF;
    IF v_tag_ids IS NOT NULL THEN
        IF NOT in_is_new THEN
            DELETE FROM map_tag
            WHERE owner_id = in_owner
              AND entity_id = in_id
              AND NOT JSON_CONTAINS(v_tag_ids, JSON_QUOTE(tag_id));
            SET out_changed = out_changed + ROW_COUNT();
        END IF;
        IF v_tag_ids <> '[]' THEN
            INSERT INTO map_tag (owner_id, tag_id, entity_id, category)
            SELECT in_owner, j.tag_id, in_id, 'contact'
            FROM JSON_TABLE(v_tag_ids, '$[*]' COLUMNS (
                tag_id CHAR(16) COLLATE ascii_bin PATH '$'
            )) AS j
            ON DUPLICATE KEY UPDATE category = 'contact';
            SET out_changed = out_changed + ROW_COUNT();
        END IF;
    END IF;
END$$
DELIMITER ;
