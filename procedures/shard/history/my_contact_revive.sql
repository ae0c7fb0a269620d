-- my_contact_revive: make a contact again that a merge has deleted, with its id, card and picture. A relation
-- or an invitation that the merge has moved to the other contact goes back; it has never ended.
--
-- The caller gives the other contact its state before the merge back afterwards, in the same transaction. It
-- moves a block along (yp.contact_block_delete, yp.contact_block_add).
--
-- Params:   in_owner     owner of the address book
--           in_id        contact that was merged
--           in_contact   JSON as my_contact_revert takes it
--           in_private   JSON, what the history keeps besides the record: relation (entity), card, uid
--           in_other     contact that took it over
-- Returns:  one row      data  JSON, the contact as the lists of the RPC show it (contact_card)
--           one row      data  JSON: contact_id, entity, peer, other, blocked (1: the block of the other
--                        contact is to be moved)
--           one row      data  JSON, the record; rev
-- Errors:   CONFLICT             the contact exists
--           SELF_CONTACT         an address of the owner
--           SAME_DOMAIN          an address belongs to a colleague
--           INVALID_PARAM        the same address twice, or a number that is too long
-- Excludes: MANY_DEFAULT_EMAIL, NO_DEFAULT_MAIL   a stored state has one default address
--           ALREADY_IN_CONTACT                    two contacts may have the same address (from_api)
-- Needs:    a transaction
-- Example:  CALL my_contact_revive('00000000000000a1', '0000000000000c77', '{"from_api": 1, "groups": []}',
--           '{}', '0000000000000c01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_revive(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_id      CHAR(16) COLLATE ascii_bin,
    IN in_contact LONGTEXT,
    IN in_private LONGTEXT,
    IN in_other   CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_no_id, v_peer, v_related_peer, v_uid CHAR(16) COLLATE ascii_bin;
    DECLARE v_relation VARCHAR(255) COLLATE utf8mb4_bin DEFAULT JSON_VALUE(in_private, '$.relation');
    DECLARE v_entity VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_status, v_category VARCHAR(16) COLLATE ascii_bin;
    DECLARE v_related_at BIGINT UNSIGNED;
    DECLARE v_invitetime INT UNSIGNED;
    DECLARE v_message TEXT;
    DECLARE v_former LONGTEXT;
    DECLARE v_changed, v_blocked, v_count INT UNSIGNED DEFAULT 0;
    DECLARE v_path TEXT DEFAULT JSON_VALUE(in_contact, '$.avatar_path');
    DECLARE v_card_uid VARCHAR(255) COLLATE utf8mb4_bin DEFAULT JSON_VALUE(in_private, '$.uid');
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL contact_lock(in_owner, in_other, in_contact, v_no_id, v_peer);
    SELECT COUNT(*) INTO v_count FROM contact WHERE owner_id = in_owner AND id = in_id FOR UPDATE;
    IF v_count > 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONFLICT';
    END IF;
    IF v_relation IS NOT NULL THEN
        SELECT entity, peer_id, uid, status, category, changed, invitetime, message
        INTO v_entity, v_related_peer, v_uid, v_status, v_category, v_related_at, v_invitetime, v_message
        FROM contact
        WHERE owner_id = in_owner AND id = in_other AND entity = v_relation
        FOR UPDATE;
    END IF;
    IF v_entity IS NOT NULL THEN
        SELECT COUNT(k.id) INTO v_count
        FROM contact AS c
        LEFT JOIN contact AS k ON k.owner_id = in_owner AND k.entity = c.email
        WHERE c.owner_id = in_owner AND c.id = in_other AND c.email IS NOT NULL
        FOR UPDATE;
        UPDATE contact
        SET entity = IF(v_count > 0, id, COALESCE(email, id)), peer_id = NULL, uid = NULL, status = 'memory',
            category = 'independant', invitetime = NULL, message = NULL, changed = DEFAULT(changed)
        WHERE owner_id = in_owner AND id = in_other;
        INSERT INTO contact_stale (owner_id, contact_id) VALUES (in_owner, in_other)
        ON DUPLICATE KEY UPDATE contact_id = in_other;
        UPDATE contact_record SET rpc_card = NULL, rpc_full = NULL
        WHERE owner_id = in_owner AND contact_id = in_other;
        -- unlocked: the owner is locked, and the assignment of a subquery would lock rows of yp
        SELECT COUNT(*) INTO v_blocked
        FROM yp.contact_block
        WHERE owner_id = in_owner AND contact_id = in_other;
    END IF;

    CALL contact_write(in_owner, in_id, in_contact, v_peer, 1, v_changed, v_former);
    IF v_entity IS NOT NULL THEN
        UPDATE contact
        SET entity = v_entity, peer_id = v_related_peer, uid = v_uid, status = v_status,
            category = v_category, changed = v_related_at, invitetime = v_invitetime, message = v_message
        WHERE owner_id = in_owner AND id = in_id;
    END IF;
    UPDATE contact
    SET is_archived = COALESCE(JSON_VALUE(in_contact, '$.archived'), 0),
        is_auto = COALESCE(JSON_VALUE(in_contact, '$.is_auto'), 0)
    WHERE owner_id = in_owner AND id = in_id;
    INSERT INTO contact_group_member (owner_id, group_id, contact_id, ctime)
    SELECT in_owner, g.id, in_id, UNIX_TIMESTAMP()
    FROM JSON_TABLE(in_contact, '$.groups[*]' COLUMNS (
        name VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
    )) AS j
    JOIN contact_group AS g ON g.owner_id = in_owner AND g.name = j.name;
    -- a merge leaves the picture where it is when the other contact has one of its own
    SELECT COUNT(*) INTO v_count
    FROM contact_picture
    WHERE owner_id = in_owner AND contact_id = in_id AND LEFT(hash, 16) = RIGHT(v_path, 16)
    FOR UPDATE;
    UPDATE contact_picture
    SET contact_id = in_id, replaced_at = NULL
    WHERE owner_id = in_owner AND contact_id = in_other AND LEFT(hash, 16) = RIGHT(v_path, 16)
      AND v_count = 0;
    -- the UID of the card may belong to another card now: the same file was loaded again
    -- unlocked: the owner is locked
    SELECT COUNT(*) INTO v_count FROM contact_vcard WHERE owner_id = in_owner AND uid = v_card_uid;
    UPDATE contact_vcard
    SET card = JSON_VALUE(in_private, '$.card'), uid = IF(v_count > 0, NULL, v_card_uid)
    WHERE owner_id = in_owner AND contact_id = in_id AND card IS NULL;
    CALL contact_render_parts(in_owner, in_id, 'all', NULL);

    SELECT data FROM contact_card WHERE owner_id = in_owner AND id = in_id;
    SELECT JSON_OBJECT('contact_id', in_id, 'entity', c.entity, 'peer', c.peer_id, 'other', in_other,
                       'blocked', v_blocked + 0) AS data
    FROM contact AS c
    WHERE c.owner_id = in_owner AND c.id = in_id;
    SELECT record AS data, rev FROM contact_record WHERE owner_id = in_owner AND contact_id = in_id;
END$$
DELIMITER ;
