-- notification_remove: remove what the notification center shows about one user, or everything.
--
-- The conversation is marked as read. An invitation stays in the address book; it comes back to the
-- notification center when its status changes.
--
-- Params:   in_owner   user
--           in_peer    the other user; NULL for all
-- Returns:  one row    data  JSON: entity_id, message_id (NULL), room (unread of that user now), total
--           rows       node, sockets: open sockets of the owner
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL notification_remove('00000000000000a1', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE notification_remove(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_peer  VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE contact
    SET dismissed = changed
    WHERE owner_id = in_owner
      AND status IN ('received', 'invitation', 'informed')
      AND (in_peer IS NULL OR peer_id = in_peer);
    CALL message_mark_read(in_owner, in_peer, NULL);

    SELECT JSON_OBJECT('entity_id', in_peer, 'message_id', NULL,
                       'room', COALESCE(SUM(IF(peer_id = in_peer, 1, 0)), 0), 'total', COUNT(*)) AS data
    FROM message
    WHERE owner_id = in_owner AND is_read = 0;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
