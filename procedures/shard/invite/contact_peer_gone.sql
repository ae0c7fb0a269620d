-- contact_peer_gone: the other person took the owner out of his address book, or withdrew his invitation.
--
-- The owner's notes are his: his entry stays, as one without a relation. An entry that only held the invitation
-- goes with it. The pair is locked.
--
-- Params:   in_owner   whose address book
--           in_peer    who is gone
--           in_withdrawn   1: only an invitation was withdrawn; what else stands is left alone
-- Returns:  one row    data  JSON: drumate_id, contact_id (NULL: no entry), entity, status (deleted or removed: only
--                            when an invitation was waiting)
--           one row    data  JSON: blocked (id of an entry that is gone while a block hung on it, or NULL)
--           rows       node, sockets: the owner's open sockets
-- Errors:   none
-- Example:  CALL contact_peer_gone('00000000000000a1', '00000000000000b1', 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_peer_gone(
    IN in_owner     CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_peer      CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_withdrawn TINYINT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_gone CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_status VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin;

    SELECT my_contact_of(in_owner, in_peer) INTO v_id;
    SELECT status INTO v_status FROM contact WHERE owner_id = in_owner AND id = v_id FOR UPDATE;

    IF v_status = 'received' THEN
        DELETE FROM map_tag WHERE owner_id = in_owner AND entity_id = v_id;
        DELETE FROM contact WHERE owner_id = in_owner AND id = v_id;
        CALL my_contact_touch(in_owner, v_id);
        SET v_gone = v_id, v_id = NULL;
    ELSEIF v_status = 'invitation' OR (in_withdrawn = 0 AND v_status IN ('sent', 'informed', 'active')) THEN
        CALL contact_relate(in_owner, v_id, in_peer, 'memory');
        UPDATE contact SET category = 'independant' WHERE owner_id = in_owner AND id = v_id;
    END IF;

    -- an entry in the trash, too, comes back without the relation
    UPDATE contact_trash
    SET book = JSON_SET(book, '$.contact.status', 'memory', '$.contact.uid', NULL, '$.contact.category', 'independant')
    WHERE owner_id = in_owner AND peer_id = in_peer AND in_withdrawn = 0;

    SELECT JSON_MERGE_PATCH(
        JSON_OBJECT('contact_id', v_id, 'drumate_id', in_peer, 'entity', in_peer),
        IF(v_status IN ('received', 'invitation', 'informed'),
           JSON_OBJECT('status', IF(in_withdrawn, 'removed', 'deleted')), JSON_OBJECT())
    ) AS data;
    SELECT JSON_OBJECT('blocked', (
        SELECT b.contact_id FROM yp.contact_block AS b WHERE b.owner_id = in_owner AND b.contact_id = v_gone
    )) AS data;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
