-- my_contact_merge: make one of several contacts of the owner that are the same person.
--
-- The target keeps its id. Addresses, numbers, postal addresses, tags and groups of all are united, notes put one below
-- the other; of what there can be only one, the first that is not empty counts, the target before the others in their order. A relation, or an
-- invitation, of one of them becomes the target's. The others are gone, with a tombstone that names the target.
--
-- Params:   in_owner    whose address book
--           in_id       target
--           in_others   JSON array of contacts, 1 to 20
--           in_rev      revision of the target it is meant for, or NULL
-- Returns:  one row     data  JSON, the full contact (my_contact_get)
--           rows        node, sockets: the owner's open sockets
--           rows        data  JSON, each of the others: contact_id, entity, blocked (1: a block is to be moved to the target)
--           one row     data  JSON: contact_id, entity, peer (of the target from now on)
--           one row     data  JSON, the record; rev
-- Errors:   CONTACT_NOT_FOUND     one of them is no contact of the owner, or in the trash
--           PRECONDITION_FAILED   the target has another revision
--           CONFLICT              two of them stand for different people: registered, or invited
--           TOO_LARGE             more would come together than a record may have: the field, and how much
--           INVALID_PARAM         the same contact twice, none, or too many
-- Example:  CALL my_contact_merge('00000000000000a1', '0000000000000c01', '["0000000000000c03"]', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_merge(
    IN in_owner  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id     CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_others LONGTEXT,
    IN in_rev    BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_found, v_wanted, v_related INT UNSIGNED;
    DECLARE v_notes, v_custom LONGTEXT;
    DECLARE v_limit VARCHAR(128);
    DECLARE v_relation, v_person, v_second CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_gone, v_bond LONGTEXT DEFAULT '';
    DECLARE v_all LONGTEXT DEFAULT JSON_ARRAY_INSERT(in_others, '$[0]', in_id);

    SELECT COUNT(DISTINCT j.id) INTO v_wanted
    FROM JSON_TABLE(v_all, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j;
    IF v_wanted < JSON_LENGTH(v_all) OR v_wanted NOT BETWEEN 2 AND 21 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_PARAM others: 1 to 20 other contacts, each once';
    END IF;

    -- unlocked: who may be concerned, to lock the people before their books; all are read again below
    SELECT MIN(c.peer_id), MAX(c.peer_id) INTO v_person, v_second
    FROM JSON_TABLE(v_all, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j
    JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.id;
    CALL yp.contact_pair_lock(in_owner, v_person, v_second);
    SELECT COUNT(*), COALESCE(SUM(c.peer_id IS NOT NULL OR c.status <> 'memory'), 0),
           MAX(IF(c.peer_id IS NOT NULL OR c.status <> 'memory', c.id, NULL))
    INTO v_found, v_related, v_relation
    FROM JSON_TABLE(v_all, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j
    STRAIGHT_JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.id AND c.box <> 'hidden'
    FOR UPDATE;
    IF v_found < v_wanted THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    ELSEIF v_related > 1 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONFLICT';
    END IF;
    CALL my_contact_guard(in_owner, in_id, in_rev);
    SELECT NULLIF(comment, ''), custom_fields INTO v_notes, v_custom
    FROM contact
    WHERE owner_id = in_owner AND id = in_id
    FOR UPDATE;

    -- unlocked: all of them are locked above
    FOR o IN (
        SELECT c.id, c.entity, c.surname, c.display_name, c.firstname, c.lastname, c.company, c.job_title, c.comment,
               c.avatar_path, c.custom_fields, c.source_id, c.synced_at, c.metadata, c.status, c.peer_id, c.uid, c.category,
               c.changed, c.invitetime, c.message,
               (SELECT COUNT(*) FROM yp.contact_block AS b WHERE b.owner_id = in_owner AND b.contact_id = c.id) AS blocked
        FROM JSON_TABLE(in_others, '$[*]' COLUMNS (
            position FOR ORDINALITY,
            id       CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
        )) AS j
        STRAIGHT_JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.id
        ORDER BY j.position
    ) DO
        CALL my_contact_take_over(in_owner, in_id, o.id);
        UPDATE contact
        SET firstname = IF(COALESCE(firstname, lastname) IS NULL, o.firstname, firstname),
            lastname = IF(COALESCE(firstname, lastname) IS NULL, o.lastname, lastname),
            surname = COALESCE(surname, o.surname), display_name = COALESCE(display_name, o.display_name),
            company = COALESCE(company, o.company), job_title = COALESCE(job_title, o.job_title),
            avatar_path = COALESCE(avatar_path, o.avatar_path),
            source_id = COALESCE(source_id, o.source_id), synced_at = COALESCE(synced_at, o.synced_at)
        WHERE owner_id = in_owner AND id = in_id;
        -- the same text twice is one
        IF LOCATE(o.comment COLLATE utf8mb4_bin, COALESCE(v_notes, '')) = 0 THEN
            SET v_notes = CONCAT_WS('\n\n', v_notes, o.comment);
        END IF;
        IF o.custom_fields IS NOT NULL THEN
            SET v_custom = shallow_merge(o.custom_fields, COALESCE(v_custom, '{}'));
        END IF;
        DELETE FROM contact WHERE owner_id = in_owner AND id = o.id;
        IF o.id = v_relation THEN
            UPDATE contact
            SET entity = o.entity, peer_id = o.peer_id, uid = o.uid, status = o.status, category = o.category,
                changed = o.changed, invitetime = o.invitetime, message = COALESCE(o.message, message),
                metadata = JSON_SET(metadata, '$.source', COALESCE(JSON_VALUE(o.metadata, '$.source'), o.entity))
            WHERE owner_id = in_owner AND id = in_id;
        END IF;
        SET v_gone = CONCAT(v_gone, ',', JSON_OBJECT('contact_id', o.id, 'entity', o.entity, 'blocked', o.blocked + 0));
        CALL my_contact_touch(in_owner, o.id);
        UPDATE contact_record
        SET merged_into = in_id, record = JSON_SET(record, '$.merged_into', contact_uuid(in_id))
        WHERE owner_id = in_owner AND contact_id = o.id;
    END FOR;

    -- the limits of the REST API: more could be read, but not sent back
    SELECT CASE
        WHEN CHAR_LENGTH(v_notes) > 16383 THEN 'notes: more than 16383 characters'
        WHEN OCTET_LENGTH(JSON_COMPACT(v_custom)) > 65535 THEN 'custom_fields: more than 65535 bytes'
        WHEN (SELECT COUNT(*) FROM contact_email WHERE owner_id = in_owner AND contact_id = in_id) > 100
            THEN 'emails: more than 100'
        WHEN (SELECT COUNT(*) FROM contact_phone WHERE owner_id = in_owner AND contact_id = in_id) > 100
            THEN 'phones: more than 100'
        WHEN (SELECT COUNT(*) FROM contact_address WHERE owner_id = in_owner AND contact_id = in_id) > 100
            THEN 'addresses: more than 100'
        WHEN (SELECT COUNT(*) FROM map_tag WHERE owner_id = in_owner AND entity_id = in_id) > 100
            THEN 'tags: more than 100'
    END INTO v_limit;
    IF v_limit IS NOT NULL THEN
        SET v_limit = CONCAT('TOO_LARGE ', v_limit);
        -- MESSAGE_TEXT = 'TOO_LARGE', and what of it
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_limit;
    END IF;

    UPDATE contact AS c
    SET c.comment = v_notes, c.custom_fields = v_custom,
        c.email = (
            SELECT e.email FROM contact_email AS e
            WHERE e.owner_id = in_owner AND e.contact_id = in_id AND e.is_default = 1
        ),
        -- whom nobody could be reached by goes by the address he has now
        c.entity = IF(c.entity = c.id, COALESCE((
            SELECT e.email FROM contact_email AS e
            WHERE e.owner_id = in_owner AND e.contact_id = in_id AND e.is_default = 1
        ), c.entity), c.entity),
        c.mtime = UNIX_TIMESTAMP()
    WHERE c.owner_id = in_owner AND c.id = in_id;
    CALL my_contact_terms(in_owner, in_id);
    CALL my_contact_touch(in_owner, in_id);

    CALL my_contact_get(in_owner, in_id);
    CALL yp.user_sockets(in_owner, NULL);
    SELECT j.data
    FROM JSON_TABLE(CONCAT('[', SUBSTR(v_gone, 2), ']'), '$[*]' COLUMNS (data JSON PATH '$')) AS j;
    SELECT JSON_OBJECT('contact_id', c.id, 'entity', c.entity, 'peer', c.peer_id) AS data
    FROM contact AS c
    WHERE c.owner_id = in_owner AND c.id = in_id;
    CALL my_contact_record(in_owner, in_id, 0);
END$$
DELIMITER ;
