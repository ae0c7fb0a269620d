-- message_drop: delete messages from one copy of a conversation. Those that are not in it are left out.
--
-- Params:   in_owner      owner of the copy
--           in_messages   JSON array of message ids
--           in_author     only messages that this user wrote to the owner; NULL: all
-- Returns:  rows          data  JSON: message_id, entity_id, peer_id (the other side), room and total (unread
--                         now in the conversation, and everywhere): each deleted message
--           rows          node, sockets: open sockets of the owner
--           rows          data  JSON: owner_id, db (shard), messages (ids): files that this copy held, which
--                         attachment_release deletes with the last copy
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL message_drop('00000000000000a1', '[]', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE message_drop(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_messages LONGTEXT,
    IN in_author   CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_dropped LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT COALESCE(
        JSON_ARRAYAGG(DISTINCT JSON_OBJECT(
            'peer_id', m.peer_id, 'message_id', m.message_id,
            'hub_id', JSON_VALUE(m.metadata, '$.attachment[0].hub_id')
        )), '[]'
    )
    INTO v_dropped
    FROM JSON_TABLE(in_messages, '$[*]' COLUMNS (
        message_id CHAR(16) COLLATE ascii_bin PATH '$'
    )) AS j
    JOIN message AS m ON m.owner_id = in_owner AND m.message_id = j.message_id
    WHERE in_author IS NULL OR (m.author_id = in_author AND m.peer_id = in_author)
    FOR UPDATE;
    DELETE m
    FROM message AS m
    JOIN JSON_TABLE(v_dropped, '$[*]' COLUMNS (
        peer_id    CHAR(16) COLLATE ascii_bin PATH '$.peer_id',
        message_id CHAR(16) COLLATE ascii_bin PATH '$.message_id'
    )) AS j ON j.peer_id = m.peer_id AND j.message_id = m.message_id
    WHERE m.owner_id = in_owner;

    SELECT JSON_OBJECT(
        'message_id', j.message_id, 'entity_id', j.peer_id, 'peer_id', j.peer_id,
        'room', (SELECT COUNT(*) FROM message AS u
                 WHERE u.owner_id = in_owner AND u.is_read = 0 AND u.peer_id = j.peer_id),
        'total', (SELECT COUNT(*) FROM message AS u WHERE u.owner_id = in_owner AND u.is_read = 0)
    ) AS data
    FROM JSON_TABLE(v_dropped, '$[*]' COLUMNS (
        position   FOR ORDINALITY,
        peer_id    CHAR(16) COLLATE ascii_bin PATH '$.peer_id',
        message_id CHAR(16) COLLATE ascii_bin PATH '$.message_id'
    )) AS j
    ORDER BY j.position;
    CALL yp.user_sockets(in_owner, NULL);
    SELECT JSON_OBJECT('owner_id', e.id, 'db', e.db_name, 'messages', JSON_ARRAYAGG(j.message_id)) AS data
    FROM JSON_TABLE(v_dropped, '$[*]' COLUMNS (
        hub_id     CHAR(16) COLLATE ascii_bin PATH '$.hub_id',
        message_id CHAR(16) COLLATE ascii_bin PATH '$.message_id'
    )) AS j
    JOIN yp.entity AS e ON e.id = j.hub_id
    GROUP BY e.id, e.db_name;
END$$
DELIMITER ;
