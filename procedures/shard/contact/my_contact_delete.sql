-- my_contact_delete: take an entry out of the owner's address book, with everything that hangs on it.
--
-- Locks the pair first. The other side (contact_peer_gone), the block (yp.contact_block_delete) and a link that was
-- mailed (yp.token_withdraw) are left to the caller, in the same transaction.
--
-- Params:   in_owner   whose address book
--           in_id      contact
-- Returns:  one row    data  JSON: contact_id, his_id (uid of the registered person, or NULL), entity
--           one row    data  JSON: db (his shard), blocked (1: the contact was blocked), status (it had)
--           rows       node, sockets: the owner's open sockets
-- Errors:   CONACT_NOT_EXIST   no such contact of the owner
-- Example:  CALL my_contact_delete('00000000000000a1', '0000000000000c01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_delete(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_peer CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_entity VARCHAR(255);
    DECLARE v_status VARCHAR(16);

    -- unlocked: who may be concerned, to lock the people before their books; read again below
    SELECT peer_id INTO v_peer FROM contact WHERE owner_id = in_owner AND id = in_id;
    CALL yp.contact_pair_lock(in_owner, v_peer, NULL);
    SELECT id, peer_id, entity, status INTO v_id, v_peer, v_entity, v_status
    FROM contact
    WHERE owner_id = in_owner AND id = in_id
    FOR UPDATE;

    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONACT_NOT_EXIST';
    END IF;

    DELETE FROM map_tag WHERE owner_id = in_owner AND entity_id = v_id;
    DELETE FROM contact WHERE owner_id = in_owner AND id = v_id;
    CALL my_contact_touch(in_owner, v_id);

    SELECT JSON_OBJECT('contact_id', v_id, 'his_id', v_peer, 'entity', v_entity) AS data;
    SELECT JSON_OBJECT(
        'db', (SELECT e.db_name FROM yp.entity AS e WHERE e.id = v_peer),
        'blocked', (SELECT COUNT(*) FROM yp.contact_block AS b WHERE b.owner_id = in_owner AND b.contact_id = v_id),
        'status', v_status
    ) AS data;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
