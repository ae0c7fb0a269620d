-- message_post: write a message of the owner into their copy of a private conversation.
--
-- The caller writes the copy of the other side with contact_greet, in the same transaction. Users write to
-- those they are in contact with, and to colleagues of a paid domain, unless one of the two blocks the other.
--
-- Params:   in_owner     author
--           in_peer      uid, email, or the owner's contact id of the other side
--           in_message   JSON: message_id, message, ctime, metadata (thread_id: message that it answers;
--                        attachment: files that the owner has stored, see attachment_add)
-- Returns:  one row      data  JSON, the message for the push chat.post to the author
--           rows         node, sockets: open sockets of the author
--           one row      data  JSON: uid and db (shard) of the other side
--           rows         node, sockets: open sockets of the other side
-- Errors:   INVALID_CONTACT      nobody whom the owner may write to
--           INVALID_THREAD       no such message in this conversation
--           INVALID_ATTACHMENT   no such file, or a message has it already
-- Needs:    a transaction
-- Example:  CALL message_post('00000000000000a1', '00000000000000b1',
--           '{"message_id": "00000000000000d9", "message": "Hello", "ctime": 1764158400, "metadata": {}}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE message_post(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_peer    VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_message LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_peer CHAR(16) COLLATE ascii_bin DEFAULT chat_peer(in_owner, in_peer);
    DECLARE v_thread VARCHAR(64) COLLATE ascii_bin DEFAULT JSON_VALUE(in_message, '$.metadata.thread_id');
    DECLARE v_blocked TINYINT DEFAULT yp.is_blocked(in_owner, v_peer) OR yp.is_blocked(v_peer, in_owner);
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    IF v_peer IS NULL OR v_peer = in_owner OR v_blocked OR NOT EXISTS (
        SELECT 1 FROM contact WHERE owner_id = in_owner AND peer_id = v_peer AND uid = v_peer
        UNION ALL
        SELECT 1
        FROM yp.drumate AS me
        JOIN yp.drumate AS peer ON peer.domain_id = me.domain_id AND peer.id = v_peer
        WHERE me.id = in_owner AND me.domain_id > 1
    ) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_CONTACT';
    ELSEIF v_thread IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM message WHERE owner_id = in_owner AND peer_id = v_peer AND message_id = v_thread
    ) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_THREAD';
    END IF;

    CALL attachment_link(in_owner, v_peer, JSON_VALUE(in_message, '$.message_id'),
                         JSON_EXTRACT(in_message, '$.metadata.attachment'));
    CALL contact_greet(in_owner, v_peer, JSON_ARRAY(JSON_SET(in_message, '$.author_id', in_owner)));
    CALL yp.user_sockets(in_owner, NULL);
    SELECT JSON_OBJECT('uid', id, 'db', db_name) AS data FROM yp.entity WHERE id = v_peer;
    CALL yp.user_sockets(v_peer, NULL);
END$$
DELIMITER ;
