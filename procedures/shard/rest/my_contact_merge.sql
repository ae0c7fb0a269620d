-- my_contact_merge: merge several contacts of the owner that are the same person into one.
--
-- The target takes over their addresses, numbers, postal addresses, tags, groups and extra values; notes are
-- joined. For a single value, the first that is not empty counts: the target's, then the others' in
-- their order. Nothing is lost: a single value, or one of custom_fields, that differs from that of the target
-- goes to custom_fields.merged, an array of an object for each of the others. A relation or invitation of
-- one of them becomes the target's. The others are deleted, and their tombstones name the target.
--
-- For the undo (my_contact_revive), the history of each of the others keeps its relation and its card.
--
-- Params:   in_owner    owner of the address book
--           in_id       target
--           in_others   JSON array of contacts, 1 to 20
--           in_rev      revision of the target that the caller has seen, or NULL
-- Returns:  one row     data  JSON, the target as the lists of the RPC show it (contact_card)
--           rows        node, sockets: open sockets of the owner
--           rows        data  JSON, each of the others: contact_id, entity, blocked (1: the
--                       block is to be moved to the target)
--           one row     data  JSON: contact_id, entity, peer (the new ones of the target)
--           one row     data  JSON, the record; rev
-- Errors:   CONTACT_NOT_FOUND     one of them is no contact of the owner, or is in the trash
--           PRECONDITION_FAILED   the target has another revision
--           CONFLICT              two of them have relations or invitations
--           TOO_LARGE             the merged record would exceed a limit; the error
--                                 names the field and the limit
--           INVALID_PARAM         the same contact twice, none, or too many
-- Needs:    a transaction
-- Example:  CALL my_contact_merge('00000000000000a1', '0000000000000c01', '["0000000000000c03"]', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_merge(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_id     CHAR(16) COLLATE ascii_bin,
    IN in_others LONGTEXT,
    IN in_rev    BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_locked_count, v_contact_count, v_related_count INT UNSIGNED;
    DECLARE v_notes, v_custom_fields, v_extra, v_surplus, v_other_custom_fields LONGTEXT;
    DECLARE v_rev BIGINT UNSIGNED;
    DECLARE v_field, v_limit, v_refusal VARCHAR(128);
    DECLARE v_related_id, v_peer, v_second_peer CHAR(16) COLLATE ascii_bin;
    DECLARE v_entity VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_merged LONGTEXT DEFAULT '';
    DECLARE v_contact_ids LONGTEXT DEFAULT JSON_ARRAY_INSERT(in_others, '$[0]', in_id);
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT COUNT(DISTINCT j.id) INTO v_contact_count
    FROM JSON_TABLE(v_contact_ids, '$[*]' COLUMNS (id CHAR(16) COLLATE ascii_bin PATH '$')) AS j;
    IF v_contact_count < JSON_LENGTH(v_contact_ids) OR v_contact_count NOT BETWEEN 2 AND 21 THEN
        SIGNAL SQLSTATE '45000'
            SET MESSAGE_TEXT = '{"code": "INVALID_PARAM", "field": "others",'
                ' "reason": "1 to 20 other contacts, each once"}';
    END IF;

    -- unlocked: people are locked before their address books; all contacts are read again below
    SELECT MIN(c.peer_id), MAX(c.peer_id) INTO v_peer, v_second_peer
    FROM JSON_TABLE(v_contact_ids, '$[*]' COLUMNS (id CHAR(16) COLLATE ascii_bin PATH '$')) AS j
    JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.id;
    CALL yp.contact_pair_lock(in_owner, v_peer, v_second_peer);
    SELECT COUNT(*), COALESCE(SUM(c.peer_id IS NOT NULL OR c.status <> 'memory'), 0),
           MAX(IF(c.peer_id IS NOT NULL OR c.status <> 'memory', c.id, NULL))
    INTO v_locked_count, v_related_count, v_related_id
    FROM JSON_TABLE(v_contact_ids, '$[*]' COLUMNS (id CHAR(16) COLLATE ascii_bin PATH '$')) AS j
    STRAIGHT_JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.id AND c.box NOT IN ('hidden', 'trash')
    FOR UPDATE;
    IF v_locked_count < v_contact_count THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    ELSEIF v_related_count > 1 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONFLICT';
    END IF;
    -- Repeats contact_revision_check, which would be the eleventh routine that a merge reaches
    -- unlocked: the owner is locked, and the record is rendered below
    SELECT rev INTO v_rev FROM contact_record WHERE owner_id = in_owner AND contact_id = in_id;
    IF COALESCE(v_rev, 0) <> in_rev THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PRECONDITION_FAILED';
    END IF;
    SELECT NULLIF(comment, ''), custom_fields, extra INTO v_notes, v_custom_fields, v_extra
    FROM contact
    WHERE owner_id = in_owner AND id = in_id
    FOR UPDATE;

    -- unlocked: all of them are locked above
    FOR o IN (
        SELECT c.id, c.entity, c.surname, c.display_name, c.firstname, c.lastname, c.company, c.job_title,
               c.comment, c.avatar_path, c.custom_fields, c.extra, c.source_id, c.synced_at, c.metadata,
               c.status, c.peer_id, c.uid, c.category, c.changed, c.invitetime, c.message, k.card,
               k.uid AS card_uid,
               (SELECT COUNT(*)
                FROM yp.contact_block AS b
                WHERE b.owner_id = in_owner AND b.contact_id = c.id) AS blocked
        FROM JSON_TABLE(in_others, '$[*]' COLUMNS (
            position FOR ORDINALITY,
            id       CHAR(16) COLLATE ascii_bin PATH '$'
        )) AS j
        STRAIGHT_JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.id
        LEFT JOIN contact_vcard AS k ON k.owner_id = in_owner AND k.contact_id = c.id
        ORDER BY j.position
    ) DO
        CALL contact_take_over(in_owner, in_id, o.id);
        UPDATE contact
        SET firstname = IF(COALESCE(firstname, lastname) IS NULL, o.firstname, firstname),
            lastname = IF(COALESCE(firstname, lastname) IS NULL, o.lastname, lastname),
            surname = COALESCE(surname, o.surname),
            display_name = COALESCE(display_name, o.display_name),
            company = COALESCE(company, o.company),
            job_title = COALESCE(job_title, o.job_title),
            avatar_path = COALESCE(avatar_path, o.avatar_path),
            source_id = COALESCE(source_id, o.source_id),
            synced_at = COALESCE(synced_at, o.synced_at)
        WHERE owner_id = in_owner AND id = in_id;
        -- equal notes are joined only once
        IF LOCATE(o.comment COLLATE utf8mb4_bin, COALESCE(v_notes, '')) = 0 THEN
            SET v_notes = CONCAT_WS('\n\n', v_notes, o.comment);
        END IF;
        -- unlocked: all of them are locked above
        SELECT json_conflicts(
            JSON_OBJECT('display_name', display_name, 'first_name', firstname, 'last_name', lastname,
                        'nickname', surname, 'company', company, 'job_title', job_title,
                        'avatar_path', avatar_path, 'source_id', source_id),
            -- case and accents make no other value
            JSON_OBJECT('display_name', NULLIF(o.display_name, display_name),
                        'first_name', NULLIF(o.firstname, firstname),
                        'last_name', NULLIF(o.lastname, lastname),
                        'nickname', NULLIF(o.surname, surname), 'company', NULLIF(o.company, company),
                        'job_title', NULLIF(o.job_title, job_title),
                        -- an uploaded picture stays with its contact, for the undo
                        'avatar_path', IF(o.avatar_path RLIKE '/avatar/[0-9a-f]{16}$', NULL, o.avatar_path),
                        'source_id', o.source_id)
        )
        INTO v_surplus
        FROM contact
        WHERE owner_id = in_owner AND id = in_id;
        SET v_other_custom_fields = json_conflicts(v_custom_fields, o.custom_fields);
        IF v_other_custom_fields <> '{}' THEN
            SET v_surplus = JSON_SET(v_surplus, '$.custom_fields', JSON_COMPACT(v_other_custom_fields));
        END IF;
        IF o.custom_fields IS NOT NULL THEN
            SET v_custom_fields = shallow_merge(o.custom_fields, COALESCE(v_custom_fields, '{}'));
        END IF;
        SET v_extra = extra_merge(v_extra, o.extra);
        IF v_surplus <> '{}' THEN
            SET v_custom_fields = IF(
                JSON_EXISTS(v_custom_fields, '$.merged'),
                JSON_ARRAY_APPEND(v_custom_fields, '$.merged', JSON_COMPACT(v_surplus)),
                JSON_SET(COALESCE(v_custom_fields, '{}'), '$.merged', JSON_ARRAY(JSON_COMPACT(v_surplus)))
            );
        END IF;
        -- before it is rendered: contact_render_parts keeps the history of a contact that was merged
        UPDATE contact_record SET merged_into = in_id WHERE owner_id = in_owner AND contact_id = o.id;
        DELETE FROM contact WHERE owner_id = in_owner AND id = o.id;
        IF o.id = v_related_id THEN
            UPDATE contact
            SET entity = o.entity, peer_id = o.peer_id, uid = o.uid, status = o.status, category = o.category,
                changed = o.changed, invitetime = o.invitetime, message = COALESCE(o.message, message),
                metadata = JSON_SET(metadata, '$.source',
                                    COALESCE(JSON_VALUE(o.metadata, '$.source'), o.entity))
            WHERE owner_id = in_owner AND id = in_id;
        END IF;
        SET v_merged = CONCAT(v_merged, ',', JSON_OBJECT(
            'contact_id', o.id, 'entity', o.entity, 'blocked', o.blocked + 0
        ));
        CALL contact_render_parts(in_owner, o.id, 'all', NULL);
        UPDATE contact_record AS r
        JOIN contact_record AS t ON t.owner_id = in_owner AND t.contact_id = in_id
        JOIN contact_event AS e ON e.owner_id = in_owner AND e.rev = r.rev
        SET r.record = JSON_SET(r.record, '$.merged_into', JSON_VALUE(t.record, '$.id')),
            e.before_private = JSON_MERGE_PATCH(COALESCE(e.before_private, '{}'), JSON_OBJECT(
                'relation', IF(o.id = v_related_id, o.entity, NULL), 'card', o.card, 'uid', o.card_uid
            ))
        WHERE r.owner_id = in_owner AND r.contact_id = o.id;
    END FOR;

    -- the limits of the REST API: a client could read a larger record, but not send it back
    SELECT CASE
        WHEN CHAR_LENGTH(v_notes) > 16383 THEN 'notes'
        WHEN OCTET_LENGTH(JSON_COMPACT(v_custom_fields)) > 65535 THEN 'custom_fields'
        WHEN OCTET_LENGTH(JSON_COMPACT(v_extra)) > 65535 THEN 'extra'
        WHEN (SELECT COUNT(*) FROM contact_email
              WHERE owner_id = in_owner AND contact_id = in_id) > 100 THEN 'emails'
        WHEN (SELECT COUNT(*) FROM contact_phone
              WHERE owner_id = in_owner AND contact_id = in_id) > 100 THEN 'phones'
        WHEN (SELECT COUNT(*) FROM contact_address
              WHERE owner_id = in_owner AND contact_id = in_id) > 100 THEN 'addresses'
        WHEN (SELECT COUNT(*) FROM map_tag
              WHERE owner_id = in_owner AND entity_id = in_id) > 100 THEN 'tags'
    END INTO v_field;
    IF v_field IS NOT NULL THEN
        SET v_limit = CASE v_field WHEN 'notes' THEN 'more than 16383 characters'
                                   WHEN 'custom_fields' THEN 'more than 65535 bytes'
                                   WHEN 'extra' THEN 'more than 65535 bytes'
                                   ELSE 'more than 100' END,
            v_refusal = JSON_OBJECT('code', 'TOO_LARGE', 'field', v_field, 'reason', v_limit);
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = v_refusal;
    END IF;

    -- unlocked: the owner is locked
    SELECT MAX(e.email) INTO v_entity
    FROM contact_email AS e
    LEFT JOIN contact AS k FORCE INDEX (by_entity) ON k.owner_id = in_owner AND k.entity = e.email
    WHERE e.owner_id = in_owner AND e.contact_id = in_id AND e.is_default = 1 AND k.id IS NULL;
    UPDATE contact AS c
    SET c.comment = v_notes,
        c.custom_fields = v_custom_fields,
        c.extra = v_extra,
        c.email = (
            SELECT e.email FROM contact_email AS e
            WHERE e.owner_id = in_owner AND e.contact_id = in_id AND e.is_default = 1
        ),
        -- an entry that was its own entity now has its default address as entity, unless another one has it
        c.entity = IF(c.entity = c.id, COALESCE(v_entity, c.entity), c.entity),
        c.mtime = UNIX_TIMESTAMP()
    WHERE c.owner_id = in_owner AND c.id = in_id;
    CALL contact_render_parts(in_owner, in_id, 'all', NULL);

    SELECT data FROM contact_card WHERE owner_id = in_owner AND id = in_id;
    CALL yp.user_sockets(in_owner, NULL);
    SELECT j.data
    FROM JSON_TABLE(CONCAT('[', SUBSTR(v_merged, 2), ']'), '$[*]' COLUMNS (data JSON PATH '$')) AS j;
    SELECT JSON_OBJECT('contact_id', c.id, 'entity', c.entity, 'peer', c.peer_id) AS data
    FROM contact AS c
    WHERE c.owner_id = in_owner AND c.id = in_id;
    SELECT record AS data, rev FROM contact_record WHERE owner_id = in_owner AND contact_id = in_id;
END$$
DELIMITER ;
