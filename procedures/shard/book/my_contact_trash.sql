-- my_contact_trash: throw an entry of the owner's address book away; it lies in the trash as it was.
--
-- One-sided: the other person is not told, and keeps his entry. A block (yp.contact_block_delete) is lifted by the
-- caller, in the same transaction, as it is when an entry is deleted; the trash remembers it. Nothing else finds the entry any more, and its
-- addresses may be given to another one.
--
-- Params:   in_owner   whose address book
--           in_id      contact, not one that only holds an invitation (box hidden)
-- Returns:  one row    data  JSON: contact_id, entity, drumate_id (of the registered person, or NULL),
--                    deleted_at, blocked (1: a block is to be lifted)
--           rows       node, sockets: the owner's open sockets
-- Errors:   CONACT_NOT_EXIST   no such contact of the owner
-- Example:  CALL my_contact_trash('00000000000000a1', '0000000000000c01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_trash(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_id, v_peer CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_blocked INT UNSIGNED;
    DECLARE v_entity VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_display VARCHAR(255);
    DECLARE v_contact LONGTEXT;
    DECLARE v_email, v_mobile, v_address, v_tag, v_group LONGTEXT DEFAULT '';

    -- unlocked: people are locked before their books; it is read again below
    SELECT peer_id INTO v_peer FROM contact WHERE owner_id = in_owner AND id = in_id;
    CALL yp.contact_pair_lock(in_owner, v_peer, NULL);
    SELECT id, peer_id, entity, display, JSON_OBJECT(
        'entity', entity, 'peer_id', peer_id, 'uid', uid, 'email', email, 'surname', surname,
        'firstname', firstname, 'lastname', lastname, 'category', category, 'status', status,
        'is_archived', is_archived + 0, 'comment', comment, 'message', message, 'is_auto', is_auto + 0,
        'display_name', display_name, 'company', company, 'job_title', job_title, 'avatar_path', avatar_path,
        'custom_fields', JSON_COMPACT(custom_fields), 'source_id', source_id, 'synced_at', synced_at,
        'metadata', JSON_COMPACT(metadata), 'changed', changed + 0, 'invitetime', invitetime, 'ctime', ctime + 0
    )
    INTO v_id, v_peer, v_entity, v_display, v_contact
    FROM contact
    WHERE owner_id = in_owner AND id = in_id AND box <> 'hidden'
    FOR UPDATE;

    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONACT_NOT_EXIST';
    END IF;

    -- what an upgrade has not come to yet, or a tag that was renamed: the trash shows the record as it is now
    CALL my_contact_touch(in_owner, v_id);
    SELECT COUNT(*) INTO v_blocked FROM yp.contact_block WHERE owner_id = in_owner AND contact_id = v_id;
    SET v_contact = JSON_SET(v_contact, '$.is_blocked', v_blocked + 0);

    FOR e IN (
        SELECT id, email, category, is_default, label FROM contact_email
        WHERE owner_id = in_owner AND contact_id = v_id
        ORDER BY position
        FOR UPDATE
    ) DO
        SET v_email = CONCAT(v_email, ',', JSON_OBJECT(
            'id', e.id, 'email', e.email, 'category', e.category, 'is_default', e.is_default + 0, 'label', e.label
        ));
    END FOR;
    FOR p IN (
        SELECT id, areacode, phone, category, is_default, label FROM contact_phone
        WHERE owner_id = in_owner AND contact_id = v_id
        ORDER BY position
        FOR UPDATE
    ) DO
        SET v_mobile = CONCAT(v_mobile, ',', JSON_OBJECT(
            'id', p.id, 'areacode', p.areacode, 'phone', p.phone, 'category', p.category,
            'is_default', p.is_default + 0, 'label', p.label
        ));
    END FOR;
    FOR a IN (
        SELECT id, street, city, state, postal_code, country, category, is_default, label FROM contact_address
        WHERE owner_id = in_owner AND contact_id = v_id
        ORDER BY position
        FOR UPDATE
    ) DO
        SET v_address = CONCAT(v_address, ',', JSON_OBJECT(
            'id', a.id, 'street', a.street, 'city', a.city, 'country', a.country, 'category', a.category,
            'is_default', a.is_default + 0, 'state', a.state, 'postal_code', a.postal_code, 'label', a.label
        ));
    END FOR;
    FOR t IN (SELECT tag_id FROM map_tag WHERE owner_id = in_owner AND entity_id = v_id FOR UPDATE) DO
        SET v_tag = CONCAT(v_tag, ',', JSON_QUOTE(t.tag_id));
    END FOR;
    FOR g IN (
        SELECT group_id FROM contact_group_member WHERE owner_id = in_owner AND contact_id = v_id FOR UPDATE
    ) DO
        SET v_group = CONCAT(v_group, ',', JSON_QUOTE(g.group_id));
    END FOR;

    INSERT INTO contact_trash (owner_id, id, peer_id, display, deleted_at, book)
    VALUES (in_owner, v_id, v_peer, v_display, v_now, JSON_OBJECT(
        'contact', JSON_COMPACT(v_contact),
        'email', JSON_COMPACT(CONCAT('[', SUBSTR(v_email, 2), ']')),
        'mobile', JSON_COMPACT(CONCAT('[', SUBSTR(v_mobile, 2), ']')),
        'address', JSON_COMPACT(CONCAT('[', SUBSTR(v_address, 2), ']')),
        'tag', JSON_COMPACT(CONCAT('[', SUBSTR(v_tag, 2), ']')),
        'group', JSON_COMPACT(CONCAT('[', SUBSTR(v_group, 2), ']'))
    ));
    DELETE FROM map_tag WHERE owner_id = in_owner AND entity_id = v_id;
    DELETE FROM contact WHERE owner_id = in_owner AND id = v_id;
    CALL my_contact_touch(in_owner, v_id);

    SELECT JSON_OBJECT('contact_id', v_id, 'entity', v_entity, 'drumate_id', v_peer, 'deleted_at', v_now + 0,
                       'blocked', v_blocked + 0) AS data;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
