-- contact_greet: write messages, such as the greetings of two users, into the owner's copy of their
-- conversation.
--
-- Params:   in_owner      owner of the copy
--           in_peer       the other side
--           in_greetings  JSON array of message_id, author_id, message, ctime, metadata (optional); NULL for
--                         none
-- Returns:  rows          data  JSON, each message for the push chat.post to the owner
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_greet('00000000000000a1', '00000000000000b1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_greet(
    IN in_owner     CHAR(16) COLLATE ascii_bin,
    IN in_peer      CHAR(16) COLLATE ascii_bin,
    IN in_greetings LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- an existing greeting stays. INSERT IGNORE is no alternative: its warning 1062 would trigger the
    -- handlers of the callers
    INSERT INTO message (owner_id, peer_id, message_id, author_id, message, metadata, is_read,
                         is_seen, ctime)
    SELECT in_owner, in_peer, j.message_id, j.author_id, j.message, COALESCE(j.metadata, '{}'),
           IF(j.author_id = in_owner, 1, 0),
           IF(j.author_id = in_owner, 0, 1), j.ctime
    FROM JSON_TABLE(COALESCE(in_greetings, '[]'), '$[*]' COLUMNS (
        message_id CHAR(16) COLLATE ascii_bin PATH '$.message_id',
        author_id  CHAR(16) COLLATE ascii_bin PATH '$.author_id',
        message    TEXT COLLATE utf8mb4_unicode_520_ci PATH '$.message',
        metadata   JSON PATH '$.metadata',
        ctime      INT UNSIGNED PATH '$.ctime'
    )) AS j
    ON DUPLICATE KEY UPDATE is_read = message.is_read;

    SELECT JSON_MERGE_PATCH(m.data, JSON_OBJECT(
        'to_id', IF(m.author_id = in_owner, in_peer, in_owner),
        'entity', JSON_COMPACT(COALESCE((
            SELECT k.data FROM contact AS c
            JOIN contact_card AS k ON k.owner_id = c.owner_id AND k.id = c.id
            WHERE c.owner_id = in_owner AND c.peer_id = in_peer LIMIT 1
        ), '{}')),
        'room', (SELECT COUNT(*) FROM message AS u
                 WHERE u.owner_id = in_owner AND u.is_read = 0 AND u.peer_id = in_peer),
        'total', (SELECT COUNT(*) FROM message AS u WHERE u.owner_id = in_owner AND u.is_read = 0)
    )) AS data
    FROM JSON_TABLE(COALESCE(in_greetings, '[]'), '$[*]' COLUMNS (
        position   FOR ORDINALITY,
        message_id CHAR(16) COLLATE ascii_bin PATH '$.message_id'
    )) AS j
    JOIN message_card AS m ON m.owner_id = in_owner AND m.peer_id = in_peer AND m.message_id = j.message_id
    ORDER BY j.position;
END$$
DELIMITER ;
