-- channel_acknowledge: mark the conversation of a hub as read, up to one message or as a whole.
--
-- Params:   in_hub       hub
--           in_reader    member
--           in_message   message id; NULL for all
-- Returns:  rows         data  JSON (message_card), hub_id, key_id (the hub) and entity_id (the reader): the
--                        newest 45 messages of others that are read now, oldest first; their metadata has the
--                        reader in _seen_
--           rows         node, sockets: open sockets of the members
-- Errors:   NOT_A_MEMBER   the reader may not read the whole hub
-- Needs:    a transaction
-- Example:  CALL channel_acknowledge('00000000000000f1', '00000000000000a1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE channel_acknowledge(
    IN in_hub     CHAR(16) COLLATE ascii_bin,
    IN in_reader  CHAR(16) COLLATE ascii_bin,
    IN in_message VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_former, v_until INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL channel_admit(in_hub, in_reader);
    -- unlocked: the time of a message never changes, and a message that comes meanwhile is newer
    SELECT MAX(ctime) INTO v_until
    FROM message
    WHERE owner_id = in_hub AND peer_id = in_hub AND (in_message IS NULL OR message_id = in_message);
    SELECT read_until INTO v_former
    FROM channel_reader
    WHERE owner_id = in_hub AND uid = in_reader
    FOR UPDATE;
    IF v_until > COALESCE(v_former, 0) THEN
        INSERT INTO channel_reader (owner_id, uid, read_until) VALUES (in_hub, in_reader, v_until)
        ON DUPLICATE KEY UPDATE read_until = GREATEST(read_until, v_until);
    END IF;

    SELECT JSON_SET(
        n.data, '$.hub_id', in_hub, '$.key_id', in_hub, '$.entity_id', in_reader, '$.is_seen', 1,
        '$.metadata', CAST(JSON_SET(
            JSON_VALUE(n.data, '$.metadata'), '$._seen_', JSON_OBJECT(in_reader, UNIX_TIMESTAMP())
        ) AS CHAR)
    ) AS data
    FROM (
        SELECT k.data, k.ctime, k.message_id
        FROM message_card AS k
        WHERE k.owner_id = in_hub AND k.peer_id = in_hub AND k.author_id <> in_reader
          AND k.ctime > COALESCE(v_former, 0) AND k.ctime <= v_until
        ORDER BY k.ctime DESC, k.message_id DESC
        LIMIT 45
    ) AS n
    ORDER BY n.ctime, n.message_id;
    CALL yp.hub_member_sockets(in_hub);
END$$
DELIMITER ;
