-- attachment_release: delete the files of messages that nobody has any more.
--
-- Params:   in_owner      whose quota the files count against
--           in_holder     who has deleted the messages: the owner, or the other side
--           in_messages   JSON array of message ids
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL attachment_release('00000000000000a1', '00000000000000a1', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE attachment_release(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_holder   CHAR(16) COLLATE ascii_bin,
    IN in_messages LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE attachment AS a
    JOIN JSON_TABLE(in_messages, '$[*]' COLUMNS (
        message_id CHAR(16) COLLATE ascii_bin PATH '$'
    )) AS j ON j.message_id = a.message_id
    SET a.own_copy = IF(in_holder = in_owner, 0, a.own_copy),
        a.peer_copy = IF(in_holder = a.peer_id, 0, a.peer_copy)
    WHERE a.owner_id = in_owner;
    DELETE a
    FROM attachment AS a
    JOIN JSON_TABLE(in_messages, '$[*]' COLUMNS (
        message_id CHAR(16) COLLATE ascii_bin PATH '$'
    )) AS j ON j.message_id = a.message_id
    WHERE a.owner_id = in_owner AND a.own_copy = 0 AND a.peer_copy = 0;
END$$
DELIMITER ;
