-- attachment_link: give files to the message that carries them.
--
-- Params:   in_owner     whose quota the files count against
--           in_peer      the other side of the conversation; NULL: a message of a hub
--           in_message   id of the message
--           in_files     JSON array of objects with nid, or NULL
-- Returns:  nothing
-- Errors:   INVALID_ATTACHMENT   no such file, or a message has it already
-- Needs:    a transaction
-- Example:  CALL attachment_link('00000000000000a1', '00000000000000b1', '00000000000000d9', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE attachment_link(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_peer    CHAR(16) COLLATE ascii_bin,
    IN in_message CHAR(16) COLLATE ascii_bin,
    IN in_files   LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE attachment AS a
    JOIN JSON_TABLE(COALESCE(in_files, '[]'), '$[*]' COLUMNS (
        nid CHAR(32) COLLATE ascii_bin PATH '$.nid'
    )) AS j ON j.nid = a.id
    SET a.message_id = in_message, a.peer_id = in_peer, a.peer_copy = IF(in_peer IS NULL, 0, 1)
    WHERE a.owner_id = in_owner AND a.message_id IS NULL;
    IF ROW_COUNT() < JSON_LENGTH(COALESCE(in_files, '[]')) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_ATTACHMENT';
    END IF;
END$$
DELIMITER ;
