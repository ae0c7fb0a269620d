-- contact_invite_accept: write the invited user's side of an invitation that they accept. The caller has
-- locked the pair.
--
-- Params:   in_owner      invited user
--           in_inviter    inviter
--           in_greetings  JSON, see contact_greet
-- Returns:  one row       data  JSON: drumate_id, contact_id, status (active),
--                         greetings (for the inviter's side)
--           rows          data  the greetings, for the owner
--           one row       data  JSON: push for the owner
--           rows          node, sockets: open sockets of the owner
-- Errors:   NO_INVITE   no invitation of that user is waiting
-- Needs:    a transaction
-- Example:  CALL contact_invite_accept('00000000000000a1', '00000000000000e1', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_invite_accept(
    IN in_owner     CHAR(16) COLLATE ascii_bin,
    IN in_inviter   CHAR(16) COLLATE ascii_bin,
    IN in_greetings LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_status VARCHAR(16) COLLATE ascii_bin;
    DECLARE v_message TEXT;
    DECLARE v_greetings LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL contact_invite_lock(in_owner, in_inviter, v_id, v_status, v_message);
    SET v_greetings = greetings_with(in_greetings, v_message);
    CALL contact_relate(in_owner, v_id, in_inviter, 'active');

    SELECT JSON_OBJECT('drumate_id', in_inviter, 'contact_id', v_id,
                       'status', 'active', 'greetings', v_greetings)
        AS data;
    CALL contact_greet(in_owner, in_inviter, v_greetings);
    CALL contact_notification_by_entity(in_owner, in_inviter);
END$$
DELIMITER ;
