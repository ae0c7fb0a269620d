-- contact_take_over: move the addresses, numbers, tags and groups of one contact to another, without
-- duplicates.
--
-- Params:   in_owner   owner of the address book
--           in_id      contact that gets them, locked by the caller
--           in_other   contact that loses them, also locked by the caller, who deletes it
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_take_over('00000000000000a1', '0000000000000c01', '0000000000000000');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_take_over(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    CHAR(16) COLLATE ascii_bin,
    IN in_other CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_default_emails, v_default_phones, v_default_addresses INT UNSIGNED;
    DECLARE v_last_email, v_last_phone, v_last_address INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT COALESCE(SUM(is_default), 0), COALESCE(MAX(position), 0) INTO v_default_emails, v_last_email
    FROM contact_email
    WHERE owner_id = in_owner AND contact_id = in_id
    FOR UPDATE;
    SELECT COALESCE(SUM(is_default), 0), COALESCE(MAX(position), 0) INTO v_default_phones, v_last_phone
    FROM contact_phone
    WHERE owner_id = in_owner AND contact_id = in_id
    FOR UPDATE;
    SELECT COALESCE(SUM(is_default), 0), COALESCE(MAX(position), 0) INTO v_default_addresses, v_last_address
    FROM contact_address
    WHERE owner_id = in_owner AND contact_id = in_id
    FOR UPDATE;

    UPDATE contact_email AS m
    SET m.contact_id = in_id, m.is_default = IF(v_default_emails = 0, m.is_default, 0),
        m.position = m.position + v_last_email
    WHERE m.owner_id = in_owner AND m.contact_id = in_other
      AND m.email NOT IN (
        SELECT k.email FROM (
            SELECT email FROM contact_email WHERE owner_id = in_owner AND contact_id = in_id
        ) AS k
      );
    UPDATE contact_phone AS p
    SET p.contact_id = in_id, p.is_default = IF(v_default_phones = 0, p.is_default, 0),
        p.position = p.position + v_last_phone
    WHERE p.owner_id = in_owner AND p.contact_id = in_other
      AND REGEXP_REPLACE(CONCAT(p.areacode, p.phone), '[^0-9]', '') NOT IN (
        SELECT k.digits FROM (
            SELECT REGEXP_REPLACE(CONCAT(areacode, phone), '[^0-9]', '') AS digits FROM contact_phone
            WHERE owner_id = in_owner AND contact_id = in_id
        ) AS k
      );
    UPDATE contact_address AS a
    SET a.contact_id = in_id, a.is_default = IF(v_default_addresses = 0, a.is_default, 0),
        a.position = a.position + v_last_address
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
