-- webhook_invitation: write the event of an invitation, or of its answer, for the subscriptions of both.
--
-- The invited user alone hears of an invitation. An inviter whom they have blocked reaches nobody.
--
-- Params:   in_inviter   user who has invited
--           in_invitee   user who was invited
--           in_type      invitation.received, accepted, refused or withdrawn
--           in_message   text of the inviter, or NULL
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_invitation('00000000000000a1', '00000000000000b1', 'invitation.received', 'Tea?');
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_invitation(
    IN in_inviter CHAR(16) COLLATE ascii_bin,
    IN in_invitee CHAR(16) COLLATE ascii_bin,
    IN in_type    VARCHAR(32) COLLATE ascii_bin,
    IN in_message TEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT INTO webhook_delivery (webhook_id, type, at, data)
    SELECT w.id, in_type, FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000), JSON_OBJECT(
        'inviter_id', in_inviter, 'invitee_id', in_invitee, 'message', in_message
    )
    FROM webhook AS w
    WHERE w.uid IN (in_inviter, in_invitee, '') AND w.is_full = 0
      AND NOT (w.uid = in_inviter AND in_type = 'invitation.received')
      AND NOT (w.uid = in_invitee AND in_type = 'invitation.withdrawn' AND EXISTS (
        SELECT 1 FROM contact_block AS b WHERE b.uid = in_inviter AND b.owner_id = in_invitee
      ))
      AND webhook_takes(w.events, in_type)
    ORDER BY w.id;
END$$
DELIMITER ;
