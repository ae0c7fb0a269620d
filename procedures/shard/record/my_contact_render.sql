-- my_contact_render: a contact as the REST API shows it (see the record in its reference).
--
-- A label counts while it says the same as the category, which the RPC changes without knowing of labels. Lists are put
-- together row by row, as in my_contact_get.
--
-- Params:   in_owner      whose address book
--           in_id         contact
--           inout_created   UTC; NULL: taken from the contact
--           out_updated   UTC, when the contact says it last changed
--           out_record    JSON; updated_at and deleted_at are NULL
--           out_digest    of the record
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL my_contact_render('00000000000000a1', '0000000000000c01', @created, @updated, @record, @digest);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_render(
    IN in_owner         CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id            CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    INOUT inout_created DATETIME(3),
    OUT out_updated     DATETIME(3),
    OUT out_record      LONGTEXT,
    OUT out_digest      BINARY(16)
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_email, v_phone, v_address, v_tag, v_group LONGTEXT DEFAULT '';
    DECLARE v_now DATETIME(3) DEFAULT UTC_TIMESTAMP(3);
    DECLARE v_created DATETIME(3) DEFAULT inout_created;
    DECLARE v_phones INT UNSIGNED DEFAULT 0;

    FOR e IN (
        SELECT email, category, is_default, label
        FROM contact_email
        WHERE owner_id = in_owner AND contact_id = in_id
        ORDER BY position
    ) DO
        SET v_email = CONCAT(v_email, ',', JSON_OBJECT(
            'address', e.email, 'label', label_of(e.label, e.category, 'personal'), 'primary', e.is_default = 1
        ));
    END FOR;

    -- one that nobody made the default is not shown as such, but the first of several must be
    SELECT COALESCE(SUM(is_default), 0) INTO v_phones
    FROM contact_phone
    WHERE owner_id = in_owner AND contact_id = in_id;
    FOR p IN (
        SELECT areacode, phone, category, is_default, label
        FROM contact_phone
        WHERE owner_id = in_owner AND contact_id = in_id
        ORDER BY position
    ) DO
        SET v_phone = CONCAT(v_phone, ',', JSON_OBJECT(
            'number', TRIM(CONCAT(p.areacode, ' ', p.phone)), 'label', label_of(p.label, p.category, 'mobile'),
            'primary', p.is_default = 1 OR v_phones = 0
        ));
        SET v_phones = v_phones + 1;
    END FOR;

    FOR a IN (
        SELECT street, city, state, postal_code, country, category, label
        FROM contact_address
        WHERE owner_id = in_owner AND contact_id = in_id
        ORDER BY position
    ) DO
        SET v_address = CONCAT(v_address, ',', JSON_OBJECT(
            'street', NULLIF(a.street, ''), 'city', NULLIF(a.city, ''), 'state', NULLIF(a.state, ''),
            'postal_code', NULLIF(a.postal_code, ''), 'country', NULLIF(a.country, ''),
            'label', label_of(a.label, a.category, 'home')
        ));
    END FOR;

    FOR t IN (
        SELECT g.name
        FROM map_tag AS m
        JOIN tag AS g ON g.owner_id = m.owner_id AND g.tag_id = m.tag_id
        WHERE m.owner_id = in_owner AND m.entity_id = in_id
        ORDER BY g.name COLLATE utf8mb4_unicode_520_ci, g.name
    ) DO
        SET v_tag = CONCAT(v_tag, ',', JSON_QUOTE(t.name));
    END FOR;

    FOR g IN (
        SELECT k.name
        FROM contact_group_member AS m
        JOIN contact_group AS k ON k.owner_id = m.owner_id AND k.id = m.group_id
        WHERE m.owner_id = in_owner AND m.contact_id = in_id
        ORDER BY k.name, k.id
    ) DO
        SET v_group = CONCAT(v_group, ',', JSON_QUOTE(g.name));
    END FOR;

    -- seconds are all the contact knows; what is made this very moment gets milliseconds
    SELECT COALESCE(v_created, IF(c.ctime + 2 > UNIX_TIMESTAMP(), v_now, TIMESTAMPADD(SECOND, c.ctime, '1970-01-01'))),
           IF(c.mtime + 2 > UNIX_TIMESTAMP(), v_now, TIMESTAMPADD(SECOND, c.mtime, '1970-01-01'))
    INTO v_created, out_updated
    FROM contact AS c
    WHERE c.owner_id = in_owner AND c.id = in_id;

    SELECT JSON_OBJECT(
        'id', contact_uuid(c.id),
        'display_name', c.full_name,
        'first_name', c.firstname,
        'last_name', c.lastname,
        'emails', JSON_COMPACT(CONCAT('[', SUBSTR(v_email, 2), ']')),
        'phones', JSON_COMPACT(CONCAT('[', SUBSTR(v_phone, 2), ']')),
        'company', c.company,
        'job_title', c.job_title,
        'addresses', JSON_COMPACT(CONCAT('[', SUBSTR(v_address, 2), ']')),
        'notes', NULLIF(c.comment, ''),
        'avatar_path', c.avatar_path,
        'tags', JSON_COMPACT(CONCAT('[', SUBSTR(v_tag, 2), ']')),
        'custom_fields', JSON_COMPACT(c.custom_fields),
        'source', COALESCE(c.origin, 'local'),
        'source_id', c.source_id,
        'created_at', iso_time(v_created),
        'updated_at', NULL,
        'synced_at', iso_time(c.synced_at),
        'deleted_at', NULL,
        'archived', c.is_archived = 1,
        'groups', JSON_COMPACT(CONCAT('[', SUBSTR(v_group, 2), ']'))
    ) INTO out_record
    FROM contact AS c
    WHERE c.owner_id = in_owner AND c.id = in_id;
    SET inout_created = v_created, out_digest = UNHEX(MD5(out_record));
END$$
DELIMITER ;
