-- contact_invite_accepted: the inviter's side of an invitation that was accepted. The pair is locked.
--
-- Params:   in_owner      who had invited
--           in_peer       who accepted
--           in_greetings  JSON, see contact_greet
-- Returns:  rows          data  the greetings as the owner sees them
--           one row       data  JSON: what the owner is told
--           rows          node, sockets: the owner's open sockets
-- Errors:   none
-- Example:  CALL contact_invite_accepted('00000000000000a1', '00000000000000b1', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_invite_accepted(
    IN in_owner     CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_peer      CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_greetings LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;

    SELECT my_contact_of(in_owner, in_peer) INTO v_id;
    IF v_id IS NULL THEN
        CALL contact_received(in_owner, in_peer, NULL);
        SELECT my_contact_of(in_owner, in_peer) INTO v_id;
    END IF;
    CALL contact_relate(in_owner, v_id, in_peer, 'informed');
    CALL contact_greet(in_owner, in_peer, in_greetings);
    CALL contact_notification_by_entity(in_owner, in_peer);
END$$
DELIMITER ;
