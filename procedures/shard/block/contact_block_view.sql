-- contact_block_view: show a contact after it was blocked or unblocked. The owner stays locked until
-- the commit.
--
-- Params:   in_owner     owner of the address book
--           in_id        contact
--           in_blocked   1 or 0
-- Returns:  one row      data  JSON: contact_id, entity, peer (uid, or NULL), db (shard of the peer)
--           one row      data  JSON, the full contact (contact_full)
--           rows         node, sockets: open sockets of the owner
-- Errors:   CONACT_NOT_EXIST   no such contact of the owner
-- Needs:    a transaction
-- Example:  CALL contact_block_view('00000000000000a1', '0000000000000c01', 1);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_block_view(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_id      VARCHAR(64) COLLATE ascii_bin,
    IN in_blocked TINYINT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_peer CHAR(16) COLLATE ascii_bin;
    DECLARE v_entity VARCHAR(255) COLLATE utf8mb4_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- a deletion of the contact at the same moment takes the block with it, or comes first
    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    -- lock only: the lock of the owner is written
    SELECT id, peer_id, entity INTO v_id, v_peer, v_entity
    FROM contact
    WHERE owner_id = in_owner AND id = in_id AND deleted_at IS NULL
    FOR UPDATE;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONACT_NOT_EXIST';
    END IF;

    SELECT JSON_OBJECT('contact_id', v_id, 'entity', v_entity, 'peer', v_peer,
                       'db', (SELECT e.db_name FROM yp.entity AS e WHERE e.id = v_peer)) AS data;
    SELECT data FROM contact_full WHERE owner_id = in_owner AND id = v_id;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
