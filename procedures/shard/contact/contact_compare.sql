-- contact_compare: say whether a contact is already as a call of my_contact_update would make it.
--
-- It reads without locks, and compares the revision of the address book before and after. It is sure of plain
-- contacts only, those of nobody who is registered; of any other it says 0, and contact_write finds out.
--
-- Params:   in_owner      owner of the address book
--           in_id         contact
--           in_contact    JSON as my_contact_update takes it
--           out_is_same   1: the call would change nothing, and refuse nothing
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL contact_compare('00000000000000a1', '0000000000000c01', '{}', @same);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_compare(
    IN in_owner     CHAR(16) COLLATE ascii_bin,
    IN in_id        VARCHAR(64) COLLATE ascii_bin,
    IN in_contact   LONGTEXT,
    OUT out_is_same TINYINT
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_rev, v_new_rev BIGINT UNSIGNED;
    DECLARE v_email, v_own_email, v_entity, v_address VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_peer CHAR(16) COLLATE ascii_bin;
    DECLARE v_metadata, v_item, v_used_ids LONGTEXT;
    DECLARE v_is_default, v_has_default TINYINT;
    DECLARE v_index, v_count, v_row_count, v_same_count, v_default_count INT UNSIGNED DEFAULT 0;

    SELECT l.rev, c.email, c.entity, c.metadata, me.email,
           COALESCE(JSON_VALUE(in_contact, '$.invite'), 0) <> 1
           AND NOT JSON_EXISTS(in_contact, '$.from_api')
           AND NOT JSON_EXISTS(in_contact, '$.tags')
           AND (NOT JSON_EXISTS(in_contact, '$.firstname') AND NOT JSON_EXISTS(in_contact, '$.lastname')
                OR c.is_auto = 0)
           AND (NOT JSON_EXISTS(in_contact, '$.firstname')
                OR c.firstname COLLATE utf8mb4_nopad_bin
                   <=> NULLIF(JSON_VALUE(in_contact, '$.firstname'), ''))
           AND (NOT JSON_EXISTS(in_contact, '$.lastname')
                OR c.lastname COLLATE utf8mb4_nopad_bin
                   <=> NULLIF(JSON_VALUE(in_contact, '$.lastname'), ''))
           AND (NOT JSON_EXISTS(in_contact, '$.surname')
                OR c.surname COLLATE utf8mb4_nopad_bin
                   <=> NULLIF(JSON_VALUE(in_contact, '$.surname'), ''))
           AND (NOT JSON_EXISTS(in_contact, '$.comment')
                OR c.comment COLLATE utf8mb4_nopad_bin
                   <=> NULLIF(JSON_VALUE(in_contact, '$.comment'), ''))
           AND (NOT JSON_EXISTS(in_contact, '$.message')
                OR c.message COLLATE utf8mb4_nopad_bin
                   <=> NULLIF(JSON_VALUE(in_contact, '$.message'), ''))
    INTO v_rev, v_email, v_entity, v_metadata, v_own_email, out_is_same
    FROM contact AS c
    JOIN contact_ledger AS l ON l.owner_id = in_owner
    JOIN yp.drumate AS me ON me.id = in_owner
    WHERE c.owner_id = in_owner AND c.id = in_id AND c.deleted_at IS NULL AND c.peer_id IS NULL
      AND c.status IN ('memory', 'sent') AND c.category = 'independant';
    SET out_is_same = COALESCE(out_is_same, 0);

    IF out_is_same AND JSON_EXISTS(in_contact, '$.email') THEN
        SET v_count = JSON_LENGTH(in_contact, '$.email');
        IF v_count = 0 THEN
            SELECT COUNT(*) INTO v_row_count
            FROM contact_email
            WHERE owner_id = in_owner AND contact_id = in_id;
            SET out_is_same = v_row_count = 0 AND v_email IS NULL;
        ELSE
            -- the default address decides whom the entry stands for
            SET out_is_same = v_entity COLLATE utf8mb4_nopad_bin <=> v_email
                              AND JSON_SET(v_metadata, '$.source', v_email) COLLATE utf8mb4_nopad_bin
                                  <=> v_metadata;
            IF out_is_same THEN
                SELECT id INTO v_peer FROM yp.drumate WHERE email = v_email;
                SET out_is_same = v_peer IS NULL;
            END IF;
        END IF;
        WHILE out_is_same AND v_index < v_count DO
            SET v_item = JSON_EXTRACT(in_contact, CONCAT('$.email[', v_index, ']')),
                v_index = v_index + 1,
                v_address = JSON_VALUE(v_item, '$.email'),
                v_is_default = COALESCE(JSON_VALUE(v_item, '$.is_default'), 0),
                v_default_count = v_default_count + (v_is_default = 1);
            SELECT COUNT(*), COALESCE(SUM(
                position = v_index AND email COLLATE utf8mb4_nopad_bin = v_address
                AND is_default = v_is_default
                AND category = COALESCE(JSON_VALUE(v_item, '$.category'), 'priv')
            ), 0)
            INTO v_row_count, v_same_count
            FROM contact_email
            WHERE owner_id = in_owner AND contact_id = in_id;
            SET out_is_same = v_row_count = v_count AND v_same_count = 1
                              AND (v_is_default <> 1 OR v_address COLLATE utf8mb4_nopad_bin = v_email)
                              AND NOT v_address <=> v_own_email
                              AND JSON_VALUE(v_item, '$.label') IS NULL;
        END WHILE;
        SET out_is_same = out_is_same AND (v_count = 0 OR v_default_count = 1);
    END IF;

    IF out_is_same AND JSON_EXISTS(in_contact, '$.mobile') THEN
        SET v_index = 0, v_count = JSON_LENGTH(in_contact, '$.mobile'),
            v_has_default = COALESCE(JSON_EXTRACT(in_contact, '$.mobile[*].is_default') LIKE '%1%', 0);
        IF v_count = 0 THEN
            SELECT COUNT(*) INTO v_row_count
            FROM contact_phone
            WHERE owner_id = in_owner AND contact_id = in_id;
            SET out_is_same = v_row_count = 0;
        END IF;
        WHILE out_is_same AND v_index < v_count DO
            SET v_item = JSON_EXTRACT(in_contact, CONCAT('$.mobile[', v_index, ']')),
                v_index = v_index + 1,
                v_address = COALESCE(JSON_VALUE(v_item, '$.areacode'), ''),
                v_address = IF(v_address = '+', '', v_address);
            SELECT COUNT(*), COALESCE(SUM(
                position = v_index AND areacode COLLATE utf8mb4_nopad_bin = v_address
                AND phone COLLATE utf8mb4_nopad_bin = JSON_VALUE(v_item, '$.phone')
                AND category = COALESCE(JSON_VALUE(v_item, '$.category'), 'priv')
                AND is_default = COALESCE(JSON_VALUE(v_item, '$.is_default'),
                                          IF(v_has_default, 0, is_default))
                AND (label IS NULL OR LOWER(label) NOT IN ('', 'work', 'home', 'personal'))
            ), 0)
            INTO v_row_count, v_same_count
            FROM contact_phone
            WHERE owner_id = in_owner AND contact_id = in_id;
            SET out_is_same = v_row_count = v_count AND v_same_count = 1
                              AND NOT JSON_EXISTS(v_item, '$.number')
                              AND JSON_VALUE(v_item, '$.label') IS NULL;
        END WHILE;
    END IF;

    IF out_is_same AND JSON_EXISTS(in_contact, '$.address') THEN
        SET v_index = 0, v_count = JSON_LENGTH(in_contact, '$.address'),
            v_has_default = COALESCE(JSON_EXTRACT(in_contact, '$.address[*].is_default') LIKE '%1%', 0);
        IF v_count = 0 THEN
            SELECT COUNT(*) INTO v_row_count
            FROM contact_address
            WHERE owner_id = in_owner AND contact_id = in_id;
            SET out_is_same = v_row_count = 0;
        END IF;
        WHILE out_is_same AND v_index < v_count DO
            SET v_item = JSON_EXTRACT(in_contact, CONCAT('$.address[', v_index, ']')),
                v_index = v_index + 1;
            SELECT COUNT(*), COALESCE(SUM(
                position = v_index
                AND street COLLATE utf8mb4_nopad_bin = COALESCE(JSON_VALUE(v_item, '$.street'), '')
                AND city COLLATE utf8mb4_nopad_bin = COALESCE(JSON_VALUE(v_item, '$.city'), '')
                AND country COLLATE utf8mb4_nopad_bin = COALESCE(JSON_VALUE(v_item, '$.country'), '')
                AND state COLLATE utf8mb4_nopad_bin = COALESCE(JSON_VALUE(v_item, '$.state'), state)
                AND postal_code COLLATE utf8mb4_nopad_bin
                    = COALESCE(JSON_VALUE(v_item, '$.postal_code'), postal_code)
                -- Repeats contact_compare: numbers have other columns, which no parameter can name
                AND category = COALESCE(JSON_VALUE(v_item, '$.category'), 'priv')
                AND is_default = COALESCE(JSON_VALUE(v_item, '$.is_default'),
                                          IF(v_has_default, 0, is_default))
                AND (label IS NULL OR LOWER(label) NOT IN ('', 'work', 'home', 'personal'))
            ), 0)
            INTO v_row_count, v_same_count
            FROM contact_address
            WHERE owner_id = in_owner AND contact_id = in_id;
            SET out_is_same = v_row_count = v_count AND v_same_count = 1
                              AND JSON_VALUE(v_item, '$.label') IS NULL;
        END WHILE;
    END IF;

    IF out_is_same AND JSON_EXISTS(in_contact, '$.tag') THEN
        SET v_index = 0, v_used_ids = '', v_count = JSON_LENGTH(in_contact, '$.tag');
        IF v_count = 0 THEN
            SELECT COUNT(*) INTO v_row_count FROM map_tag WHERE owner_id = in_owner AND entity_id = in_id;
            SET out_is_same = v_row_count = 0;
        END IF;
        WHILE out_is_same AND v_index < v_count DO
            SET v_address = JSON_VALUE(in_contact, CONCAT('$.tag[', v_index, ']')),
                v_index = v_index + 1;
            SELECT COUNT(*), COALESCE(SUM(
                category = 'contact' AND CONVERT(tag_id USING utf8mb4) COLLATE utf8mb4_nopad_bin = v_address
            ), 0)
            INTO v_row_count, v_same_count
            FROM map_tag
            WHERE owner_id = in_owner AND entity_id = in_id;
            SET out_is_same = v_row_count = v_count AND v_same_count = 1
                              AND LOCATE(v_address, v_used_ids) = 0,
                v_used_ids = CONCAT(v_used_ids, v_address, ',');
        END WHILE;
    END IF;

    IF out_is_same THEN
        SELECT rev INTO v_new_rev FROM contact_ledger WHERE owner_id = in_owner;
        SET out_is_same = v_new_rev <=> v_rev;
    END IF;
END$$
DELIMITER ;
