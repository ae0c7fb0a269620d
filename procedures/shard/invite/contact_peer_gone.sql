-- contact_peer_gone: update the owner's side after the other user deleted the owner, or withdrew an
-- invitation.
--
-- The entry stays, with the notes of the owner and without the relation. An entry that only held the
-- invitation is deleted. The caller has locked the pair.
--
-- Params:   in_owner       owner of the address book
--           in_peer        other user
--           in_withdrawn   1: only an invitation was withdrawn; any other relation stays
-- Returns:  one row    data  JSON: drumate_id, contact_id (NULL: no entry), entity, status (deleted or
--                            removed: only when an invitation was waiting)
--           one row    data  JSON: blocked (id of a deleted entry that was blocked, or NULL)
--           rows       node, sockets: open sockets of the owner
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_peer_gone('00000000000000a1', '00000000000000b1', 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_peer_gone(
    IN in_owner     CHAR(16) COLLATE ascii_bin,
    IN in_peer      CHAR(16) COLLATE ascii_bin,
    IN in_withdrawn TINYINT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_deleted_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_status VARCHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT my_contact_of(in_owner, in_peer) INTO v_id;
    SELECT status INTO v_status FROM contact WHERE owner_id = in_owner AND id = v_id FOR UPDATE;

    IF v_status = 'received' THEN
        DELETE FROM map_tag WHERE owner_id = in_owner AND entity_id = v_id;
        DELETE FROM contact WHERE owner_id = in_owner AND id = v_id;
        CALL contact_render_parts(in_owner, v_id, 'all', NULL);
        SET v_deleted_id = v_id, v_id = NULL;
    ELSEIF v_status = 'invitation' OR (in_withdrawn = 0 AND v_status IN ('sent', 'informed', 'active')) THEN
        CALL contact_relate(in_owner, v_id, in_peer, 'memory');
        UPDATE contact SET category = 'independant' WHERE owner_id = in_owner AND id = v_id;
    END IF;

    IF in_withdrawn = 0 THEN
        -- lists show the conversation no more, so nobody could read what is unread
        CALL message_mark_read(in_owner, in_peer, NULL);
    END IF;

    -- an entry in the trash, too, comes back without the relation
    UPDATE contact_relation_aside AS a
    JOIN contact AS c ON c.owner_id = in_owner AND c.id = a.id
    SET a.status = 'memory', a.uid = NULL, c.category = 'independant'
    WHERE a.owner_id = in_owner AND a.peer_id = in_peer AND in_withdrawn = 0;

    SELECT JSON_MERGE_PATCH(
        JSON_OBJECT('contact_id', v_id, 'drumate_id', in_peer, 'entity', in_peer),
        IF(v_status IN ('received', 'invitation', 'informed'),
           JSON_OBJECT('status', IF(in_withdrawn, 'removed', 'deleted')), JSON_OBJECT())
    ) AS data;
    SELECT JSON_OBJECT('blocked', (
        SELECT b.contact_id FROM yp.contact_block AS b
        WHERE b.owner_id = in_owner AND b.contact_id = v_deleted_id
    )) AS data;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
