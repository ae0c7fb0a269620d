-- my_contact_trash: move an entry of the owner's address book to the trash, unchanged.
--
-- One-sided: the other user is not notified, and keeps their own entry. As for a deleted entry, the caller
-- lifts a block (yp.contact_block_delete) in the same transaction. The entry gives up its entity, user and
-- status, so nothing else finds it, and another entry may take its addresses.
--
-- Params:   in_owner   owner of the address book
--           in_id      contact, not one that only holds an invitation (box hidden)
--           in_rev     revision that the caller has seen, or NULL
-- Returns:  one row    data  JSON: contact_id, entity, drumate_id (of the registered user, or NULL),
--                      deleted_at, blocked (1: a block is to be lifted)
--           rows       node, sockets: open sockets of the owner
--           one row    data  JSON, the record, with deleted_at; rev
-- Errors:   CONTACT_NOT_FOUND     no such contact of the owner
--           ALREADY_DELETED       the contact is in the trash
--           PRECONDITION_FAILED   the contact has another revision
-- Needs:    a transaction
-- Example:  CALL my_contact_trash('00000000000000a1', '0000000000000c01', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_trash(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    VARCHAR(64) COLLATE ascii_bin,
    IN in_rev   BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_id, v_peer CHAR(16) COLLATE ascii_bin;
    DECLARE v_box VARCHAR(8) COLLATE ascii_bin DEFAULT 'hidden';
    DECLARE v_blocked INT UNSIGNED;
    DECLARE v_entity VARCHAR(255) COLLATE utf8mb4_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: people are locked before their address books; the contact is read again below
    SELECT peer_id INTO v_peer FROM contact WHERE owner_id = in_owner AND id = in_id;
    CALL yp.contact_pair_lock(in_owner, v_peer, NULL);
    SELECT id, peer_id, entity, box INTO v_id, v_peer, v_entity, v_box
    FROM contact
    WHERE owner_id = in_owner AND id = in_id
    FOR UPDATE;
    IF v_box = 'trash' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ALREADY_DELETED';
    ELSEIF v_box = 'hidden' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    END IF;
    CALL contact_revision_check(in_owner, v_id, in_rev);

    SELECT COUNT(*) INTO v_blocked FROM yp.contact_block WHERE owner_id = in_owner AND contact_id = v_id;
    INSERT INTO contact_relation_aside (owner_id, id, entity, peer_id, uid, status, is_blocked)
    SELECT owner_id, id, entity, peer_id, uid, status, v_blocked
    FROM contact
    WHERE owner_id = in_owner AND id = v_id;
    UPDATE contact
    SET deleted_at = v_now, mtime = v_now, entity = id, peer_id = NULL, uid = NULL, status = 'memory'
    WHERE owner_id = in_owner AND id = v_id;
    -- as contact_purge
    CALL message_mark_read(in_owner, COALESCE(v_peer, ''), NULL);
    CALL contact_render_parts(in_owner, v_id, 'all', NULL);

    SELECT JSON_OBJECT('contact_id', v_id, 'entity', v_entity, 'drumate_id', v_peer,
                       'deleted_at', v_now + 0, 'blocked', v_blocked + 0) AS data;
    CALL yp.user_sockets(in_owner, NULL);
    SELECT record AS data, rev FROM contact_record WHERE owner_id = in_owner AND contact_id = v_id;
END$$
DELIMITER ;
