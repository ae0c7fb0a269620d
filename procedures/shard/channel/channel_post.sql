-- channel_post: write a message into the conversation of a hub.
--
-- Params:   in_hub       hub
--           in_author    member
--           in_message   JSON: message_id, message, ctime, metadata (thread_id: message that it answers;
--                        attachment: files that the hub has stored, see attachment_add)
-- Returns:  one row      data  JSON (message_card), and hub_id
--           rows         node, sockets: open sockets of the members
-- Errors:   NOT_A_MEMBER         the author may not read the whole hub
--           INVALID_THREAD       no such message in this conversation
--           INVALID_ATTACHMENT   no such file, or a message has it already
-- Needs:    a transaction
-- Example:  CALL channel_post('00000000000000f1', '00000000000000a1',
--           '{"message_id": "00000000000000d9", "message": "Hello", "ctime": 1764158400, "metadata": {}}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE channel_post(
    IN in_hub     CHAR(16) COLLATE ascii_bin,
    IN in_author  CHAR(16) COLLATE ascii_bin,
    IN in_message LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin DEFAULT JSON_VALUE(in_message, '$.message_id');
    DECLARE v_thread VARCHAR(64) COLLATE ascii_bin DEFAULT JSON_VALUE(in_message, '$.metadata.thread_id');
    DECLARE v_ctime INT UNSIGNED DEFAULT JSON_VALUE(in_message, '$.ctime');
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL channel_admit(in_hub, in_author);
    IF v_thread IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM message WHERE owner_id = in_hub AND peer_id = in_hub AND message_id = v_thread
    ) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_THREAD';
    END IF;

    CALL attachment_link(in_hub, NULL, v_id, JSON_EXTRACT(in_message, '$.metadata.attachment'));
    INSERT INTO message (owner_id, peer_id, message_id, author_id, message, metadata, is_read, is_seen, ctime)
    VALUES (in_hub, in_hub, v_id, in_author, JSON_VALUE(in_message, '$.message'),
            JSON_EXTRACT(in_message, '$.metadata'), 1, 0, v_ctime);

    SELECT JSON_INSERT(k.data, '$.hub_id', in_hub) AS data
    FROM message_card AS k
    WHERE k.owner_id = in_hub AND k.peer_id = in_hub AND k.message_id = v_id;
    CALL yp.hub_member_sockets(in_hub);
END$$
DELIMITER ;
