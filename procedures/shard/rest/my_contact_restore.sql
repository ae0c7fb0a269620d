-- my_contact_restore: restore a contact from the trash, as it was, as far as its tags and groups still exist.
--
-- A user who has invited the owner meanwhile waits in a hidden entry, whose invitation this entry takes over.
-- An entry that was written meanwhile with the same address keeps it, and stands for itself from now on.
-- The caller sets a block again (yp.contact_block_add) in the same transaction.
--
-- Params:   in_owner   owner of the address book
--           in_id      contact
--           in_rev     revision that the caller has seen, or NULL
-- Returns:  one row    data  JSON, the contact as the lists of the RPC show it (contact_card)
--           rows       node, sockets: open sockets of the owner
--           one row    data  JSON: contact_id, entity, peer, blocked (1: a block is to be set again)
--           one row    data  JSON, the record; rev
-- Errors:   CONTACT_NOT_FOUND     no such contact of the owner
--           NOT_DELETED           the contact is not in the trash
--           CONFLICT              both this contact and another one have a relation with the user
--           PRECONDITION_FAILED   the contact has another revision
-- Needs:    a transaction
-- Example:  CALL my_contact_restore('00000000000000a1', '0000000000000c04', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_restore(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    CHAR(16) COLLATE ascii_bin,
    IN in_rev   BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_box, v_other_box VARCHAR(8) COLLATE ascii_bin DEFAULT 'hidden';
    DECLARE v_peer, v_other_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_entity, v_person_email VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_blocked TINYINT;
    DECLARE v_message TEXT;
    DECLARE v_status VARCHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: people are locked before their address books
    SELECT peer_id INTO v_peer FROM contact_relation_aside WHERE owner_id = in_owner AND id = in_id;
    CALL yp.contact_pair_lock(in_owner, v_peer, NULL);
    SELECT box INTO v_box FROM contact WHERE owner_id = in_owner AND id = in_id FOR UPDATE;
    IF v_box = 'hidden' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    ELSEIF v_box <> 'trash' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_DELETED';
    END IF;
    CALL contact_revision_check(in_owner, in_id, in_rev);
    SELECT entity, peer_id, status, is_blocked INTO v_entity, v_peer, v_status, v_blocked
    FROM contact_relation_aside
    WHERE owner_id = in_owner AND id = in_id
    FOR UPDATE;
    SELECT MAX(email) INTO v_person_email FROM yp.drumate WHERE id = v_peer;

    INSERT INTO contact_stale (owner_id, contact_id)
    SELECT in_owner, id
    FROM contact
    WHERE owner_id = in_owner AND entity IN (v_entity, v_person_email) AND id <> in_id AND status = 'memory'
    ON DUPLICATE KEY UPDATE contact_id = id;
    UPDATE contact AS c
    LEFT JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = c.id
    SET c.entity = c.id, c.peer_id = NULL, c.category = 'independant',
        r.rpc_card = NULL, r.rpc_full = NULL
    WHERE c.owner_id = in_owner AND c.entity IN (v_entity, v_person_email) AND c.id <> in_id
      AND c.status = 'memory';
    SELECT c.id, c.box, c.message INTO v_other_id, v_other_box, v_message
    FROM contact AS c FORCE INDEX (by_entity)
    WHERE c.owner_id = in_owner AND c.entity IN (v_entity, v_person_email) AND c.id <> in_id
    ORDER BY c.box <> 'hidden' DESC
    LIMIT 1
    FOR UPDATE;
    IF v_other_box <> 'hidden' AND v_status <> 'memory' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONFLICT';
    ELSEIF v_other_box <> 'hidden' THEN
        SET v_entity = in_id, v_peer = NULL, v_other_id = NULL;
        UPDATE contact_relation_aside
        SET entity = in_id, peer_id = NULL
        WHERE owner_id = in_owner AND id = in_id;
    ELSEIF v_other_id IS NOT NULL THEN
        DELETE FROM contact WHERE owner_id = in_owner AND id = v_other_id;
        UPDATE contact_relation_aside
        SET status = 'invitation', uid = NULL
        WHERE owner_id = in_owner AND id = in_id;
    END IF;

    UPDATE contact AS c
    JOIN contact_relation_aside AS a ON a.owner_id = in_owner AND a.id = in_id
    SET c.deleted_at = NULL, c.mtime = v_now,
        c.entity = a.entity, c.peer_id = a.peer_id, c.uid = a.uid, c.status = a.status,
        c.message = IF(v_other_id IS NULL, c.message, v_message),
        c.changed = IF(v_other_id IS NULL, c.changed, DEFAULT(c.changed))
    WHERE c.owner_id = in_owner AND c.id = in_id;
    DELETE FROM contact_relation_aside WHERE owner_id = in_owner AND id = in_id;
    CALL contact_render_parts(in_owner, in_id, 'all', NULL);

    SELECT data FROM contact_card WHERE owner_id = in_owner AND id = in_id;
    CALL yp.user_sockets(in_owner, NULL);
    SELECT JSON_OBJECT('contact_id', in_id, 'entity', v_entity, 'peer', v_peer,
                       'blocked', v_blocked + 0) AS data;
    SELECT record AS data, rev FROM contact_record WHERE owner_id = in_owner AND contact_id = in_id;
END$$
DELIMITER ;
