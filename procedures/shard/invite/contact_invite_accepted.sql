-- contact_invite_accepted: write the inviter's side after the other user accepted the invitation, or followed
-- its link. The caller has locked the pair.
--
-- Params:   in_owner      inviter
--           in_email      invited address, when the user followed a link, else NULL
--           in_peer       invited user
--           in_greetings  JSON, see contact_greet
-- Returns:  rows          data  the greetings, for the owner
--           one row       data  JSON: push for the owner (status informed)
--           rows          node, sockets: open sockets of the owner
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_invite_accepted('00000000000000a1', NULL, '00000000000000b1', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_invite_accepted(
    IN in_owner     CHAR(16) COLLATE ascii_bin,
    IN in_email     VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_peer      CHAR(16) COLLATE ascii_bin,
    IN in_greetings LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT my_contact_of(in_owner, in_peer) INTO v_id;
    IF v_id IS NULL THEN
        SELECT id INTO v_id FROM contact WHERE owner_id = in_owner AND entity = in_email;
    END IF;
    IF v_id IS NULL THEN
        CALL contact_received(in_owner, in_peer, NULL);
        SELECT my_contact_of(in_owner, in_peer) INTO v_id;
    END IF;
    CALL contact_relate(in_owner, v_id, in_peer, 'informed');
    CALL contact_greet(in_owner, in_peer, in_greetings);
    CALL contact_notification_by_entity(in_owner, in_peer);
END$$
DELIMITER ;
