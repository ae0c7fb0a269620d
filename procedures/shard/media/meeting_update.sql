-- meeting_update: change a scheduled meeting.
--
-- Params:   in_owner    hub
--           in_id       its node
--           in_change   JSON with any of title, message, date, start (texts), attendees (array of objects)
-- Returns:  one row     data  JSON: before and after, the content of the meeting; sequence in it grows when
--                       title, message, date or start change
-- Errors:   NODE_NOT_FOUND   no such meeting
-- Needs:    a transaction
-- Example:  CALL meeting_update('00000000000000f3', '00000000000000fa', '{"date": "Tuesday"}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE meeting_update(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_id     VARCHAR(64) COLLATE ascii_bin,
    IN in_change LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_before, v_after LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT JSON_EXTRACT(metadata, '$.content') INTO v_before
    FROM media
    WHERE owner_id = in_owner AND id = in_id AND category = 'schedule'
    FOR UPDATE;
    IF v_before IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NODE_NOT_FOUND';
    END IF;

    SET v_after = JSON_MERGE_PATCH(v_before, in_change);
    IF JSON_REMOVE(v_after, '$.attendees') <> JSON_REMOVE(v_before, '$.attendees') THEN
        SET v_after = JSON_SET(v_after, '$.sequence', COALESCE(JSON_VALUE(v_before, '$.sequence'), 0) + 1);
    END IF;
    UPDATE media
    SET metadata = JSON_SET(metadata, '$.content', JSON_COMPACT(v_after)),
        filename = JSON_VALUE(v_after, '$.title'), mtime = UNIX_TIMESTAMP()
    WHERE owner_id = in_owner AND id = in_id;

    SELECT JSON_OBJECT('before', JSON_COMPACT(v_before), 'after', JSON_COMPACT(v_after)) AS data;
END$$
DELIMITER ;
