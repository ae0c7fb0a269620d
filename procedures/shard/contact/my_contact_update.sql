-- my_contact_update: change an entry of the owner's address book. What is not given stays; lists replace lists.
--
-- The default address decides who is meant as long as no relation exists (memory, sent); afterwards addresses
-- are information only. When somebody else is meant than before, an invitation that waits is withdrawn.
--
-- Params:   in_owner     whose address book
--           in_id        contact
--           in_contact   JSON with any of firstname, lastname, surname, comment, message ('' clears),
--                        email, mobile, address, tag (each replaces the whole list); and dialect, when it comes
--                        from an API that knows nothing of relations: no names are demanded then, and what the entry
--                        was made from (source) stays; and invite, 1 when he is invited, or again, in the same transaction
-- Returns:  one row      data  JSON, the full contact (my_contact_get)
--           rows         node, sockets: the owner's open sockets
--           at most one row  data  JSON, when somebody else is meant: contact_id, entity, peer (from now on),
--                        withdrawn (1: the former one had been invited), old_peer, old_db (his shard), old_entity
-- Errors:   CONACT_NOT_EXIST      no such contact of the owner
--           EMPTY_FIRSTNAME       a registered, related person needs one
--           EMPTY_LASTNAME        the same
--           SELF_CONTACT          an address is the owner's own
--           SAME_DOMAIN           an address that the contact did not have is a colleague's, or a colleague is invited
--           ALREADY_IN_CONTACT    an address belongs to another contact: which one (my_contact_clash)
--           MANY_DEFAULT_EMAIL    more than one default address
--           NO_DEFAULT_MAIL       none
--           INVALID_PARAM         the same address twice, or a tag that does not exist
-- Example:  CALL my_contact_update('00000000000000a1', '0000000000000c01', '{"comment": "met in Rome"}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_update(
    IN in_owner   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_contact LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_uid, v_peer CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_status VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_email, v_had, v_old_entity VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_old_peer, v_new_peer CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_other, v_named TINYINT DEFAULT 0;
    DECLARE v_taken VARCHAR(128);
    DECLARE EXIT HANDLER FOR 1062
    BEGIN
        SELECT CONCAT_WS(' ', 'ALREADY_IN_CONTACT', my_contact_clash(in_owner, v_id, in_contact)) INTO v_taken;
        -- MESSAGE_TEXT = 'ALREADY_IN_CONTACT', and which address
        RESIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_taken, MYSQL_ERRNO = 1644;
    END;

    -- unlocked: who may be concerned, to lock the people before their books; read again below
    SELECT id, peer_id INTO v_id, v_old_peer FROM contact WHERE owner_id = in_owner AND id = in_id;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONACT_NOT_EXIST';
    END IF;
    IF JSON_LENGTH(in_contact, '$.email') > 0 THEN
        CALL my_contact_entity(in_owner, in_contact, v_email, v_new_peer);
    END IF;
    CALL yp.contact_pair_lock(in_owner, v_old_peer, v_new_peer);

    SET v_id = NULL;
    SELECT id, uid, peer_id, status, entity, email INTO v_id, v_uid, v_peer, v_status, v_old_entity, v_had
    FROM contact
    WHERE owner_id = in_owner AND id = in_id
    FOR UPDATE;

    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONACT_NOT_EXIST';
    END IF;
    SET v_old_peer = v_peer;
    SET v_named = v_uid IS NOT NULL AND NOT JSON_EXISTS(in_contact, '$.dialect');
    IF v_named AND COALESCE(JSON_VALUE(in_contact, '$.firstname'), '') = '' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'EMPTY_FIRSTNAME';
    END IF;
    IF v_named AND COALESCE(JSON_VALUE(in_contact, '$.lastname'), '') = '' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'EMPTY_LASTNAME';
    END IF;

    -- an entry made by uid, or by an API that demands none, has no address of its own, and may stay so
    IF JSON_LENGTH(in_contact, '$.email') = 0 AND v_peer IS NULL AND JSON_EXISTS(in_contact, '$.dialect') THEN
        -- nobody is meant any more; whom nobody can be reached by goes by the id of his entry
        SET v_other = IF(v_status = 'sent', 1, 0);
        UPDATE contact
        SET entity = id, changed = IF(v_other, now_us(), changed), status = 'memory'
        WHERE owner_id = in_owner AND id = v_id;
    ELSEIF JSON_EXISTS(in_contact, '$.email') AND (JSON_LENGTH(in_contact, '$.email') > 0 OR (v_peer IS NULL AND v_had IS NOT NULL)) THEN
        CALL my_contact_entity(in_owner, in_contact, v_email, v_peer);
        IF v_status IN ('memory', 'sent') THEN
            -- an address that he has had since before its owner became a colleague stays
            IF NOT (v_email <=> v_had) OR JSON_VALUE(in_contact, '$.invite') = 1 THEN
                CALL my_contact_peer_check(in_owner, v_peer);
            END IF;
            IF COALESCE(my_contact_of(in_owner, v_peer), v_id) <> v_id THEN
                SELECT CONCAT_WS(' ', 'ALREADY_IN_CONTACT', my_contact_clash(in_owner, v_id, in_contact)) INTO v_taken;
                -- MESSAGE_TEXT = 'ALREADY_IN_CONTACT', and which address
                SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_taken;
            END IF;
            -- the same address, whose owner has registered meanwhile, is the same person
            SET v_other = COALESCE(v_peer, v_email) <> v_old_entity AND v_email <> v_old_entity;
            UPDATE contact
            SET entity = COALESCE(v_peer, v_email), peer_id = v_peer,
                category = IF(v_peer IS NULL, 'independant', 'drumate'),
                changed = IF(v_other AND status <> 'memory', now_us(), changed),
                status = IF(v_other, 'memory', status),
                -- other APIs leave alone what the entry was made from
                metadata = IF(JSON_EXISTS(in_contact, '$.dialect'), metadata, JSON_SET(metadata, '$.source', v_email))
            WHERE owner_id = in_owner AND id = v_id;
        END IF;
    END IF;

    UPDATE contact
    SET firstname = IF(JSON_EXISTS(in_contact, '$.firstname'), NULLIF(JSON_VALUE(in_contact, '$.firstname'), ''), firstname),
        lastname = IF(JSON_EXISTS(in_contact, '$.lastname'), NULLIF(JSON_VALUE(in_contact, '$.lastname'), ''), lastname),
        surname = IF(JSON_EXISTS(in_contact, '$.surname'), NULLIF(JSON_VALUE(in_contact, '$.surname'), ''), surname),
        comment = IF(JSON_EXISTS(in_contact, '$.comment'), NULLIF(JSON_VALUE(in_contact, '$.comment'), ''), comment),
        message = IF(JSON_EXISTS(in_contact, '$.message'), NULLIF(JSON_VALUE(in_contact, '$.message'), ''), message),
        is_auto = IF(JSON_EXISTS(in_contact, '$.firstname') OR JSON_EXISTS(in_contact, '$.lastname'), 0, is_auto),
        mtime = UNIX_TIMESTAMP()
    WHERE owner_id = in_owner AND id = v_id;

    IF COALESCE(JSON_VALUE(in_contact, '$.invite'), 0) = 1 THEN
        UPDATE contact
        SET changed = IF(status = 'sent', changed, now_us()), status = 'sent', invitetime = UNIX_TIMESTAMP(),
            message = NULLIF(JSON_VALUE(in_contact, '$.message'), '')
        WHERE owner_id = in_owner AND id = v_id AND status IN ('memory', 'sent', 'invitation');
    END IF;

    CALL my_contact_details_set(in_owner, v_id, in_contact);
    CALL my_contact_get(in_owner, v_id);
    CALL yp.user_sockets(in_owner, NULL);
    SELECT JSON_OBJECT('contact_id', c.id, 'entity', c.entity, 'peer', c.peer_id,
                       'withdrawn', IF(v_status = 'sent', 1, 0), 'old_entity', v_old_entity, 'old_peer', v_old_peer,
                       'old_db', (SELECT e.db_name FROM yp.entity AS e WHERE e.id = v_old_peer)) AS data
    FROM contact AS c
    WHERE c.owner_id = in_owner AND c.id = v_id AND v_other = 1;
END$$
DELIMITER ;
