-- contact_invite_refuse: write the invited user's side of an invitation that they refuse. The caller has
-- locked the pair.
--
-- Params:   in_owner     invited user
--           in_inviter   inviter
-- Returns:  one row      data  JSON: drumate_id (the inviter), contact_id, email, names, status (deleted)
--           one row      data  JSON: blocked (id of a deleted entry that was blocked, or NULL)
--           rows         node, sockets: open sockets of the owner
-- Errors:   NO_INVITE    no invitation of that user is waiting
-- Needs:    a transaction
-- Example:  CALL contact_invite_refuse('00000000000000a1', '00000000000000e1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_invite_refuse(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_inviter CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_status VARCHAR(16) COLLATE ascii_bin;
    DECLARE v_message TEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL contact_invite_lock(in_owner, in_inviter, v_id, v_status, v_message);

    SELECT JSON_SET(n.data, '$.status', 'deleted') AS data
    FROM contact_notice AS n
    WHERE n.owner_id = in_owner AND n.peer_id = in_inviter;

    SELECT JSON_OBJECT('blocked', IF(v_status <> 'received', NULL, (
        SELECT b.contact_id FROM yp.contact_block AS b WHERE b.owner_id = in_owner AND b.contact_id = v_id
    ))) AS data;
    IF v_status = 'received' THEN
        DELETE FROM map_tag WHERE owner_id = in_owner AND entity_id = v_id;
        DELETE FROM contact WHERE owner_id = in_owner AND id = v_id;
        CALL contact_render_parts(in_owner, v_id, 'all', NULL);
    ELSE
        CALL contact_relate(in_owner, v_id, in_inviter, 'memory');
    END IF;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
