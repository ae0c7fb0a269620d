-- acknowledge_message: the owner has read a conversation, up to a message or all of it.
--
-- Params:   in_owner     who has read
--           in_peer      uid, email, or the owner's contact id of the other side
--           in_message   message id; NULL for all
-- Returns:  one row      data  JSON: entity_id, message_id, room (unread here now), total (unread everywhere)
--           rows         node, sockets: the owner's open sockets
-- Errors:   none
-- Example:  CALL acknowledge_message('00000000000000a1', '00000000000000b1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE acknowledge_message(
    IN in_owner   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_peer    VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_message VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_peer CHAR(16) CHARACTER SET ascii COLLATE ascii_bin DEFAULT chat_peer(in_owner, in_peer);
    DECLARE v_ctime INT UNSIGNED;

    -- unlocked: the time of a message never changes
    SELECT ctime INTO v_ctime
    FROM message
    WHERE owner_id = in_owner AND peer_id = v_peer AND message_id = in_message;

    IF in_message IS NULL OR v_ctime IS NOT NULL THEN
        UPDATE message
        SET is_read = 1
        WHERE owner_id = in_owner AND peer_id = v_peer AND is_read = 0 AND (v_ctime IS NULL OR ctime <= v_ctime);
    END IF;

    SELECT JSON_OBJECT('entity_id', v_peer, 'message_id', in_message,
                       'room', COALESCE(SUM(IF(peer_id = v_peer, 1, 0)), 0), 'total', COUNT(*)) AS data
    FROM message
    WHERE owner_id = in_owner AND is_read = 0;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
