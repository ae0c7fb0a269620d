-- message_mark_read: mark the messages of one conversation, or of all, as read.
--
-- Params:   in_owner   reader
--           in_peer    the other side; NULL for every conversation
--           in_until   unix time of the newest message that was read; NULL for all
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL message_mark_read('00000000000000a1', '00000000000000b1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE message_mark_read(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_peer  VARCHAR(64) COLLATE ascii_bin,
    IN in_until INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE message
    SET is_read = 1
    WHERE owner_id = in_owner AND is_read = 0
      AND (in_peer IS NULL OR peer_id = in_peer)
      AND (in_until IS NULL OR ctime <= in_until);
END$$
DELIMITER ;
