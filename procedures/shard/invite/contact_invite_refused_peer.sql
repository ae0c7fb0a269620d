-- contact_invite_refused_peer: write the inviter's side of a refused invitation: the entry stays, without the
-- relation.
--
-- Params:   in_owner     inviter
--           in_refuser   user who refused
-- Returns:  one row      data  JSON: drumate_id (the refuser), contact_id (NULL: no entry), status (deleted)
--           rows         node, sockets: open sockets of the inviter
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_invite_refused_peer('00000000000000a1', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_invite_refused_peer(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_refuser CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT my_contact_of(in_owner, in_refuser) INTO v_id;
    IF EXISTS (
        SELECT 1 FROM contact
        WHERE owner_id = in_owner AND id = v_id AND status IN ('sent', 'invitation')
        FOR UPDATE
    ) THEN
        CALL contact_relate(in_owner, v_id, in_refuser, 'memory');
    END IF;
    SELECT JSON_OBJECT('drumate_id', in_refuser, 'contact_id', v_id, 'status', 'deleted') AS data;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
