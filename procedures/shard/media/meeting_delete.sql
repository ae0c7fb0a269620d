-- meeting_delete: delete a scheduled meeting. Again it does nothing.
--
-- Params:   in_owner   hub
--           in_id      its node
-- Returns:  one row    data  JSON: deleted (1 or 0), content (of the meeting, or NULL)
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL meeting_delete('00000000000000f1', '00000000000000f9');
DELIMITER $$
CREATE OR REPLACE PROCEDURE meeting_delete(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_content LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT JSON_EXTRACT(metadata, '$.content') INTO v_content
    FROM media
    WHERE owner_id = in_owner AND id = in_id AND category = 'schedule'
    FOR UPDATE;
    DELETE FROM media WHERE owner_id = in_owner AND id = in_id AND category = 'schedule';
    SELECT JSON_OBJECT('deleted', IF(ROW_COUNT() > 0, 1, 0), 'content', JSON_COMPACT(v_content)) AS data;
END$$
DELIMITER ;
