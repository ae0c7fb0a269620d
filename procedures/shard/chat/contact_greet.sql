-- contact_greet: write the first words of two people into the owner's side of their conversation.
--
-- Params:   in_owner      whose copy
--           in_peer       the other side
--           in_greetings  JSON array of message_id, author_id, message, ctime; NULL for none
-- Returns:  rows          data  JSON, each message as chat.post shows it to the owner (contract 2.5)
-- Errors:   none
-- Example:  CALL contact_greet('00000000000000a1', '00000000000000b1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_greet(
    IN in_owner     CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_peer      CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_greetings LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    -- a greeting that was written before stays. Not INSERT IGNORE: its warning 1062 would set off the handlers of
    -- our callers
    INSERT INTO message (owner_id, peer_id, message_id, author_id, message, is_read, ctime)
    SELECT in_owner, in_peer, j.message_id, j.author_id, j.message, IF(j.author_id = in_owner, 1, 0), j.ctime
    FROM JSON_TABLE(COALESCE(in_greetings, '[]'), '$[*]' COLUMNS (
        message_id CHAR(16) CHARACTER SET ascii PATH '$.message_id',
        author_id  CHAR(16) CHARACTER SET ascii PATH '$.author_id',
        message    TEXT PATH '$.message',
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
        message_id CHAR(16) CHARACTER SET ascii PATH '$.message_id'
    )) AS j
    JOIN message_card AS m ON m.owner_id = in_owner AND m.peer_id = in_peer AND m.message_id = j.message_id
    ORDER BY j.position;
END$$
DELIMITER ;
