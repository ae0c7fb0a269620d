-- invitation_withdraw: note that a user has withdrawn the invitation of a registered user.
--
-- Params:   in_inviter   user who had sent it
--           in_peer      user who had been invited
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL invitation_withdraw('00000000000000a1', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE invitation_withdraw(
    IN in_inviter CHAR(16) COLLATE ascii_bin,
    IN in_peer    CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT INTO contact_activity (uid, target_uid, event, ctime)
    VALUES (in_inviter, in_peer, 'invite_withdrawn', UNIX_TIMESTAMP());
    CALL webhook_invitation(in_inviter, in_peer, 'invitation.withdrawn', NULL);
END$$
DELIMITER ;
