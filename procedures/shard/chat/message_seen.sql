-- message_seen: mark messages of the owner as seen by the other side.
--
-- Params:   in_owner   author of the messages
--           in_peer    reader
--           in_until   unix time of the newest message that was read
-- Returns:  rows       data  JSON (message_card) of the newest 45 that are seen now, oldest first; their
--                            metadata has the reader in _seen_, where the frontend looks
--           rows       node, sockets: open sockets of the owner
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL message_seen('00000000000000a1', '00000000000000b1', 1764158400);
DELIMITER $$
CREATE OR REPLACE PROCEDURE message_seen(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_peer  CHAR(16) COLLATE ascii_bin,
    IN in_until INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_messages LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: two readers at once announce a message twice, which changes nothing
    SELECT COALESCE(JSON_ARRAYAGG(m.message_id), '[]') INTO v_messages
    FROM (
        SELECT message_id
        FROM message
        WHERE owner_id = in_owner AND is_seen = 0 AND peer_id = in_peer AND ctime <= in_until
        ORDER BY ctime DESC
        LIMIT 45
    ) AS m;
    UPDATE message
    SET is_seen = 1
    WHERE owner_id = in_owner AND is_seen = 0 AND peer_id = in_peer AND ctime <= in_until;

    SELECT JSON_SET(k.data, '$.metadata', CAST(JSON_SET(
        JSON_VALUE(k.data, '$.metadata'), '$._seen_', JSON_OBJECT(in_peer, UNIX_TIMESTAMP())
    ) AS CHAR)) AS data
    FROM JSON_TABLE(v_messages, '$[*]' COLUMNS (
        message_id CHAR(16) COLLATE ascii_bin PATH '$'
    )) AS j
    JOIN message_card AS k ON k.owner_id = in_owner AND k.peer_id = in_peer AND k.message_id = j.message_id
    ORDER BY k.ctime, k.message_id;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
