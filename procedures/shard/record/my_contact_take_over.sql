-- my_contact_take_over: give a contact what hangs on another one: addresses, numbers, tags, groups; nothing twice.
--
-- Params:   in_owner   whose address book
--           in_id      contact that gets it, locked by the caller
--           in_other   contact that loses it, locked too; the caller deletes it
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL my_contact_take_over('00000000000000a1', '0000000000000c01', '0000000000000000');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_take_over(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_other CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_mails, v_phones, v_addresses, v_mail_end, v_phone_end, v_address_end INT UNSIGNED;

    SELECT COALESCE(SUM(is_default), 0), COALESCE(MAX(position), 0) INTO v_mails, v_mail_end
    FROM contact_email
    WHERE owner_id = in_owner AND contact_id = in_id
    FOR UPDATE;
    SELECT COALESCE(SUM(is_default), 0), COALESCE(MAX(position), 0) INTO v_phones, v_phone_end
    FROM contact_phone
    WHERE owner_id = in_owner AND contact_id = in_id
    FOR UPDATE;
    SELECT COALESCE(SUM(is_default), 0), COALESCE(MAX(position), 0) INTO v_addresses, v_address_end
    FROM contact_address
    WHERE owner_id = in_owner AND contact_id = in_id
    FOR UPDATE;

    UPDATE contact_email
    SET contact_id = in_id, is_default = IF(v_mails = 0, is_default, 0), position = position + v_mail_end
    WHERE owner_id = in_owner AND contact_id = in_other;
    UPDATE contact_phone AS p
    SET p.contact_id = in_id, p.is_default = IF(v_phones = 0, p.is_default, 0), p.position = p.position + v_phone_end
    WHERE p.owner_id = in_owner AND p.contact_id = in_other
      AND REGEXP_REPLACE(CONCAT(p.areacode, p.phone), '[^0-9]', '') NOT IN (
        SELECT k.digits FROM (
            SELECT REGEXP_REPLACE(CONCAT(areacode, phone), '[^0-9]', '') AS digits FROM contact_phone
            WHERE owner_id = in_owner AND contact_id = in_id
        ) AS k
      );
    UPDATE contact_address AS a
    SET a.contact_id = in_id, a.is_default = IF(v_addresses = 0, a.is_default, 0), a.position = a.position + v_address_end
    WHERE a.owner_id = in_owner AND a.contact_id = in_other
      AND CONCAT_WS('\n', a.street, a.city, a.state, a.postal_code, a.country) NOT IN (
        SELECT k.text FROM (
            SELECT CONCAT_WS('\n', street, city, state, postal_code, country) AS text FROM contact_address
            WHERE owner_id = in_owner AND contact_id = in_id
        ) AS k
      );
    INSERT INTO map_tag (owner_id, tag_id, entity_id, category)
    SELECT in_owner, m.tag_id, in_id, 'contact'
    FROM map_tag AS m
    WHERE m.owner_id = in_owner AND m.entity_id = in_other AND m.tag_id NOT IN (
        SELECT h.tag_id FROM map_tag AS h WHERE h.owner_id = in_owner AND h.entity_id = in_id
    );
    DELETE FROM map_tag WHERE owner_id = in_owner AND entity_id = in_other;
    INSERT INTO contact_group_member (owner_id, group_id, contact_id, ctime)
    SELECT in_owner, m.group_id, in_id, UNIX_TIMESTAMP()
    FROM contact_group_member AS m
    WHERE m.owner_id = in_owner AND m.contact_id = in_other AND m.group_id NOT IN (
        SELECT h.group_id FROM contact_group_member AS h WHERE h.owner_id = in_owner AND h.contact_id = in_id
    );
END$$
DELIMITER ;
