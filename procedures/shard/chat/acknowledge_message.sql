-- acknowledge_message: mark a conversation as read, up to one message or as a whole.
--
-- The caller marks the messages as seen in the copy of their author (message_seen), in the same transaction.
--
-- Params:   in_owner     reader
--           in_peer      uid, email, or the owner's contact id of the other side; NULL: that of in_message
--           in_message   message id; NULL for all
-- Returns:  one row      data  JSON: entity_id, message_id, room (unread here now), total (unread everywhere)
--           rows         node, sockets: open sockets of the owner
--           at most one row   data  JSON: author_id, db (shard of the author), until (unix time of the newest
--                             message of the other side that was unread)
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL acknowledge_message('00000000000000a1', '00000000000000b1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE acknowledge_message(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_peer    VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_message VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_peer CHAR(16) COLLATE ascii_bin DEFAULT chat_peer(in_owner, in_peer);
    DECLARE v_ctime, v_until INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    IF in_peer IS NULL THEN
        SELECT MAX(peer_id) INTO v_peer FROM message WHERE owner_id = in_owner AND message_id = in_message;
    END IF;
    -- unlocked: the time of a message never changes
    SELECT ctime INTO v_ctime
    FROM message
    WHERE owner_id = in_owner AND peer_id = v_peer AND message_id = in_message;

    IF in_message IS NULL OR v_ctime IS NOT NULL THEN
        -- unlocked: a message that comes meanwhile is newer
        SELECT MAX(ctime) INTO v_until
        FROM message
        WHERE owner_id = in_owner AND is_read = 0 AND peer_id = v_peer AND author_id = v_peer
          AND (v_ctime IS NULL OR ctime <= v_ctime);
        CALL message_mark_read(in_owner, COALESCE(v_peer, ''), v_ctime);
    END IF;

    SELECT JSON_OBJECT('entity_id', v_peer, 'message_id', in_message,
                       'room', COALESCE(SUM(IF(peer_id = v_peer, 1, 0)), 0), 'total', COUNT(*)) AS data
    FROM message
    WHERE owner_id = in_owner AND is_read = 0;
    CALL yp.user_sockets(in_owner, NULL);
    SELECT JSON_OBJECT('author_id', id, 'db', db_name, 'until', v_until + 0) AS data
    FROM yp.entity
    WHERE id = v_peer AND v_until IS NOT NULL;
END$$
DELIMITER ;
