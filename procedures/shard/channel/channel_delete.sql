-- channel_delete: delete messages of a hub, for one member or for all.
--
-- Params:   in_hub        hub
--           in_member     who deletes
--           in_messages   JSON array of message ids
--           in_option     me: the member sees them no more; all: nobody does
-- Returns:  rows          data  JSON: message_id, hub_id, entity_id (the hub): each deleted message
--           rows          node, sockets: open sockets of those who see them no more
-- Errors:   NOT_A_MEMBER       the member may not read the whole hub
--           INVALID_MESSAGES   the hub has no message of one of the ids
--           INVALID_OPTION     all, and somebody else wrote one of the messages
-- Needs:    a transaction
-- Example:  CALL channel_delete('00000000000000f1', '00000000000000a1', '[]', 'me');
DELIMITER $$
CREATE OR REPLACE PROCEDURE channel_delete(
    IN in_hub      CHAR(16) COLLATE ascii_bin,
    IN in_member   CHAR(16) COLLATE ascii_bin,
    IN in_messages LONGTEXT,
    IN in_option   VARCHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_wanted, v_known, v_foreign INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL channel_admit(in_hub, in_member);
    -- Repeats message_delete: that one reads the copy of one side, with the other sides
    SELECT COUNT(DISTINCT j.message_id), COUNT(DISTINCT m.message_id),
           COUNT(DISTINCT IF(m.author_id <> in_member, m.message_id, NULL))
    INTO v_wanted, v_known, v_foreign
    FROM JSON_TABLE(in_messages, '$[*]' COLUMNS (
        message_id VARCHAR(64) COLLATE ascii_bin PATH '$'
    )) AS j
    LEFT JOIN message AS m ON m.owner_id = in_hub AND m.peer_id = in_hub AND m.message_id = j.message_id
    FOR UPDATE;
    IF v_known < v_wanted THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_MESSAGES';
    ELSEIF in_option = 'all' AND v_foreign > 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_OPTION';
    END IF;

    IF in_option = 'all' THEN
        DELETE m
        FROM message AS m
        JOIN JSON_TABLE(in_messages, '$[*]' COLUMNS (
            message_id CHAR(16) COLLATE ascii_bin PATH '$'
        )) AS j ON j.message_id = m.message_id
        WHERE m.owner_id = in_hub AND m.peer_id = in_hub;
        DELETE h
        FROM channel_hidden AS h
        JOIN JSON_TABLE(in_messages, '$[*]' COLUMNS (
            message_id CHAR(16) COLLATE ascii_bin PATH '$'
        )) AS j ON j.message_id = h.message_id
        WHERE h.owner_id = in_hub;
        CALL attachment_release(in_hub, in_hub, in_messages);
    ELSE
        INSERT INTO channel_hidden (owner_id, uid, message_id)
        SELECT DISTINCT in_hub, in_member, j.message_id
        FROM JSON_TABLE(in_messages, '$[*]' COLUMNS (
            message_id CHAR(16) COLLATE ascii_bin PATH '$'
        )) AS j
        ON DUPLICATE KEY UPDATE uid = channel_hidden.uid;
    END IF;

    SELECT DISTINCT JSON_OBJECT('message_id', j.message_id, 'hub_id', in_hub, 'entity_id', in_hub) AS data
    FROM JSON_TABLE(in_messages, '$[*]' COLUMNS (
        message_id CHAR(16) COLLATE ascii_bin PATH '$'
    )) AS j;
    IF in_option = 'all' THEN
        CALL yp.hub_member_sockets(in_hub);
    ELSE
        CALL yp.user_sockets(in_member, NULL);
    END IF;
END$$
DELIMITER ;
