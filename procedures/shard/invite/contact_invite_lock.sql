-- contact_invite_lock: lock the entry that holds an invitation which waits for the owner's answer.
--
-- Params:   in_owner      invited user
--           in_inviter    inviter
--           out_id        the contact
--           out_status    received (the entry only holds the invitation), or invitation
--           out_message   text of the invitation
-- Returns:  nothing
-- Errors:   NO_INVITE   no invitation of that user is waiting
-- Needs:    a transaction
-- Example:  CALL contact_invite_lock('00000000000000a1', '00000000000000e1', @id, @status, @message);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_invite_lock(
    IN in_owner     CHAR(16) COLLATE ascii_bin,
    IN in_inviter   CHAR(16) COLLATE ascii_bin,
    OUT out_id      CHAR(16) COLLATE ascii_bin,
    OUT out_status  VARCHAR(16) COLLATE ascii_bin,
    OUT out_message TEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- lock only: the callers write the row
    SELECT id, status, message INTO out_id, out_status, out_message
    FROM contact
    WHERE owner_id = in_owner AND peer_id = in_inviter AND status IN ('received', 'invitation')
    FOR UPDATE;
    IF out_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NO_INVITE';
    END IF;
END$$
DELIMITER ;
