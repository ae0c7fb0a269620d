-- my_contact_restore: take a contact out of the trash; everything is as it was, as far as it still exists.
--
-- Somebody who invited the owner meanwhile waits in a hidden entry, which becomes this one. A block is set again by the
-- caller (yp.contact_block_add), in the same transaction.
--
-- Params:   in_owner   whose address book
--           in_id      contact
--           in_rev     revision it is meant for, or NULL
-- Returns:  one row    data  JSON, the full contact (my_contact_get)
--           rows       node, sockets: the owner's open sockets
--           one row    data  JSON: contact_id, entity, peer, blocked (1: a block is to be set again)
--           one row    data  JSON, the record; rev
-- Errors:   CONTACT_NOT_FOUND     no such contact of the owner
--           NOT_DELETED           it is not in the trash
--           CONFLICT              an address, or the person, belongs to another contact by now: which one (my_contact_clash)
--           PRECONDITION_FAILED   it has another revision
-- Example:  CALL my_contact_restore('00000000000000a1', '0000000000000c04', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_restore(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_rev   BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_peer, v_other CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_box VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_book, v_contact LONGTEXT;
    DECLARE v_message TEXT;
    DECLARE v_listed INT UNSIGNED;
    DECLARE v_taken VARCHAR(128);
    DECLARE EXIT HANDLER FOR 1062
    BEGIN
        SELECT CONCAT_WS(' ', 'CONFLICT', my_contact_clash(in_owner, v_id, v_book)) INTO v_taken;
        -- MESSAGE_TEXT = 'CONFLICT', and which address
        RESIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_taken, MYSQL_ERRNO = 1644;
    END;

    -- unlocked: people are locked before their books; it is read again below
    SELECT peer_id INTO v_peer FROM contact_trash WHERE owner_id = in_owner AND id = in_id;
    CALL yp.contact_pair_lock(in_owner, v_peer, NULL);
    SELECT id, peer_id, book INTO v_id, v_peer, v_book
    FROM contact_trash
    WHERE owner_id = in_owner AND id = in_id
    FOR UPDATE;
    IF v_id IS NULL THEN
        -- unlocked: the owner is locked, and with him whoever throws away or restores
        SELECT COUNT(*) INTO v_listed FROM contact WHERE owner_id = in_owner AND id = in_id AND box <> 'hidden';
        IF v_listed = 1 THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_DELETED';
        END IF;
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    END IF;
    CALL my_contact_guard(in_owner, v_id, in_rev);
    SET v_contact = JSON_QUERY(v_book, '$.contact');

    SELECT my_contact_of(in_owner, v_peer) INTO v_other;
    IF v_other IS NOT NULL THEN
        SELECT box, message INTO v_box, v_message FROM contact WHERE owner_id = in_owner AND id = v_other FOR UPDATE;
        IF v_box <> 'hidden' THEN
            SELECT CONCAT_WS(' ', 'CONFLICT', my_contact_clash(in_owner, v_id, v_book)) INTO v_taken;
            -- MESSAGE_TEXT = 'CONFLICT', and which address
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_taken;
        END IF;
        DELETE FROM contact WHERE owner_id = in_owner AND id = v_other;
        SET v_contact = JSON_SET(v_contact, '$.status', 'invitation', '$.message', v_message, '$.uid', NULL, '$.changed', now_us() + 0);
    END IF;

    INSERT INTO contact (owner_id, id, entity, peer_id, uid, email, surname, display_name, firstname, lastname, company,
                         job_title, category, status, is_archived, comment, message, is_auto, metadata, invitetime, ctime,
                         mtime, changed, avatar_path, custom_fields, source_id, synced_at)
    SELECT in_owner, v_id, j.entity, j.peer_id, j.uid, j.email, j.surname, j.display_name, j.firstname, j.lastname, j.company,
           j.job_title, j.category, j.status, j.is_archived, j.comment, j.message, j.is_auto, COALESCE(JSON_COMPACT(JSON_QUERY(v_contact, '$.metadata')), '{}'),
           j.invitetime, j.ctime, UNIX_TIMESTAMP(), j.changed, j.avatar_path, JSON_COMPACT(JSON_QUERY(v_contact, '$.custom_fields')), j.source_id, j.synced_at
    FROM JSON_TABLE(v_contact, '$' COLUMNS (
        entity VARCHAR(255) PATH '$.entity', peer_id CHAR(16) PATH '$.peer_id', uid CHAR(16) PATH '$.uid',
        email VARCHAR(255) PATH '$.email', surname VARCHAR(255) PATH '$.surname',
        display_name VARCHAR(255) PATH '$.display_name', firstname VARCHAR(255) PATH '$.firstname',
        lastname VARCHAR(255) PATH '$.lastname', company VARCHAR(255) PATH '$.company',
        job_title VARCHAR(255) PATH '$.job_title', category VARCHAR(16) PATH '$.category', status VARCHAR(16) PATH '$.status',
        is_archived TINYINT PATH '$.is_archived', comment TEXT PATH '$.comment', message TEXT PATH '$.message',
        is_auto TINYINT PATH '$.is_auto', invitetime INT UNSIGNED PATH '$.invitetime',
        ctime INT UNSIGNED PATH '$.ctime', changed BIGINT UNSIGNED PATH '$.changed',
        avatar_path VARCHAR(1024) PATH '$.avatar_path',
        source_id VARCHAR(255) PATH '$.source_id', synced_at DATETIME(3) PATH '$.synced_at'
    )) AS j;
    INSERT INTO contact_email (owner_id, id, contact_id, email, category, is_default, position, label)
    SELECT in_owner, j.id, v_id, j.email, j.category, j.is_default, j.position, j.label
    FROM JSON_TABLE(v_book, '$.email[*]' COLUMNS (
        position FOR ORDINALITY, id CHAR(16) PATH '$.id', email VARCHAR(255) PATH '$.email',
        category VARCHAR(8) PATH '$.category', is_default TINYINT PATH '$.is_default', label VARCHAR(32) PATH '$.label'
    )) AS j;
    INSERT INTO contact_phone (owner_id, id, contact_id, areacode, phone, category, is_default, position, label)
    SELECT in_owner, j.id, v_id, j.areacode, j.phone, j.category, j.is_default, j.position, j.label
    FROM JSON_TABLE(v_book, '$.mobile[*]' COLUMNS (
        position FOR ORDINALITY, id CHAR(16) PATH '$.id', areacode VARCHAR(16) PATH '$.areacode',
        phone VARCHAR(81) PATH '$.phone', category VARCHAR(8) PATH '$.category', is_default TINYINT PATH '$.is_default',
        label VARCHAR(32) PATH '$.label'
    )) AS j;
    INSERT INTO contact_address (owner_id, id, contact_id, street, city, state, postal_code, country, category, is_default,
                                 position, label)
    SELECT in_owner, j.id, v_id, j.street, j.city, j.state, j.postal_code, j.country, j.category, j.is_default, j.position,
           j.label
    FROM JSON_TABLE(v_book, '$.address[*]' COLUMNS (
        position FOR ORDINALITY, id CHAR(16) PATH '$.id', street VARCHAR(255) PATH '$.street',
        city VARCHAR(255) PATH '$.city', state VARCHAR(255) PATH '$.state' DEFAULT '' ON EMPTY,
        postal_code VARCHAR(32) PATH '$.postal_code' DEFAULT '' ON EMPTY, country VARCHAR(255) PATH '$.country',
        category VARCHAR(8) PATH '$.category', is_default TINYINT PATH '$.is_default', label VARCHAR(32) PATH '$.label'
    )) AS j;
    INSERT INTO map_tag (owner_id, tag_id, entity_id, category)
    SELECT in_owner, t.tag_id, v_id, 'contact'
    FROM JSON_TABLE(v_book, '$.tag[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j
    JOIN tag AS t ON t.owner_id = in_owner AND t.tag_id = j.id;
    INSERT INTO contact_group_member (owner_id, group_id, contact_id, ctime)
    SELECT in_owner, g.id, v_id, UNIX_TIMESTAMP()
    FROM JSON_TABLE(v_book, '$.group[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j
    JOIN contact_group AS g ON g.owner_id = in_owner AND g.id = j.id;
    DELETE FROM contact_trash WHERE owner_id = in_owner AND id = v_id;

    CALL my_contact_terms(in_owner, v_id);
    CALL my_contact_touch(in_owner, v_id);
    CALL my_contact_get(in_owner, v_id);
    CALL yp.user_sockets(in_owner, NULL);
    SELECT JSON_OBJECT('contact_id', c.id, 'entity', c.entity, 'peer', c.peer_id,
                       'blocked', IF(JSON_VALUE(v_contact, '$.is_blocked') = 1, 1, 0)) AS data
    FROM contact AS c
    WHERE c.owner_id = in_owner AND c.id = v_id;
    CALL my_contact_record(in_owner, v_id, 0);
END$$
DELIMITER ;
