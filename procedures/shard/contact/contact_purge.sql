-- contact_purge: delete a contact permanently, from the address book or from the trash, with all its entries.
--
-- The caller updates the other side (contact_peer_gone), lifts the block (yp.contact_block_delete) and
-- withdraws a mailed link (yp.token_withdraw) in the same transaction.
--
-- Params:   in_owner   owner of the address book
--           in_id      contact; the caller has locked it and the people concerned
-- Returns:  one row    data  JSON: contact_id, his_id (uid of the registered user, or NULL), entity
--           one row    data  JSON: db (shard of that user), blocked (1: the contact was
--                      blocked), status (the last one)
--           rows       node, sockets: open sockets of the owner
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_purge('00000000000000a1', '0000000000000c01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_purge(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_peer CHAR(16) COLLATE ascii_bin;
    DECLARE v_entity VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_status VARCHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: the caller has locked it
    SELECT COALESCE(a.peer_id, c.peer_id), COALESCE(a.entity, c.entity), COALESCE(a.status, c.status)
    INTO v_peer, v_entity, v_status
    FROM contact AS c
    LEFT JOIN contact_relation_aside AS a ON a.owner_id = in_owner AND a.id = c.id
    WHERE c.owner_id = in_owner AND c.id = in_id;
    DELETE FROM map_tag WHERE owner_id = in_owner AND entity_id = in_id;
    DELETE FROM contact WHERE owner_id = in_owner AND id = in_id;
    -- lists show the conversation no more, so nobody could read what is unread
    CALL message_mark_read(in_owner, COALESCE(v_peer, ''), NULL);
    CALL contact_render_parts(in_owner, in_id, 'all', NULL);
    CALL my_tombstone_expire(in_owner, 90);

    SELECT JSON_OBJECT('contact_id', in_id, 'his_id', v_peer, 'entity', v_entity) AS data;
    SELECT JSON_OBJECT(
        'db', (SELECT e.db_name FROM yp.entity AS e WHERE e.id = v_peer),
        'blocked', (SELECT COUNT(*)
                    FROM yp.contact_block AS b
                    WHERE b.owner_id = in_owner AND b.contact_id = in_id),
        'status', v_status
    ) AS data;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
