-- my_contact_purge: my_contact_delete, also for what lies in the trash.
--
-- Params:   in_owner   whose address book
--           in_id      contact, in the book or in the trash
--           in_rev     revision it is meant for, or NULL
-- Returns:  as my_contact_delete
-- Errors:   CONTACT_NOT_FOUND     no such contact of the owner
--           PRECONDITION_FAILED   it has another revision
--           CONACT_NOT_EXIST      never; my_contact_delete knows it
-- Example:  CALL my_contact_purge('00000000000000a1', '0000000000000c01', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_purge(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_rev   BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_trashed, v_peer CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_book LONGTEXT;

    -- unlocked: people are locked before their books; both are read again below
    SELECT peer_id INTO v_peer FROM contact WHERE owner_id = in_owner AND id = in_id;
    -- unlocked: the same
    SELECT COALESCE(v_peer, MAX(peer_id)) INTO v_peer FROM contact_trash WHERE owner_id = in_owner AND id = in_id;
    CALL yp.contact_pair_lock(in_owner, v_peer, NULL);
    SELECT id INTO v_id FROM contact WHERE owner_id = in_owner AND id = in_id AND box <> 'hidden' FOR UPDATE;
    SELECT id, peer_id, book INTO v_trashed, v_peer, v_book FROM contact_trash WHERE owner_id = in_owner AND id = in_id FOR UPDATE;
    IF v_id IS NULL AND v_trashed IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    END IF;
    CALL my_contact_guard(in_owner, in_id, in_rev);

    IF v_id IS NOT NULL THEN
        CALL my_contact_delete(in_owner, v_id);
    ELSE
        DELETE FROM contact_trash WHERE owner_id = in_owner AND id = v_trashed;
        CALL my_contact_touch(in_owner, v_trashed);
        SELECT JSON_OBJECT('contact_id', v_trashed, 'his_id', v_peer, 'entity', JSON_VALUE(v_book, '$.contact.entity')) AS data;
        SELECT JSON_OBJECT('db', (SELECT e.db_name FROM yp.entity AS e WHERE e.id = v_peer), 'blocked', 0,
                           'status', JSON_VALUE(v_book, '$.contact.status')) AS data;
        CALL yp.user_sockets(in_owner, NULL);
    END IF;
END$$
DELIMITER ;
