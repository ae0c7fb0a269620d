-- meeting_book: schedule a meeting in a hub. Its node is the room in which it takes place.
--
-- Params:   in_owner     hub
--           in_author    user who schedules
--           in_id        id of the node
--           in_content   JSON: title, message, date (texts)
--           in_limit     scheduled meetings that a hub has at most
-- Returns:  one row      data  JSON (node_card)
-- Errors:   TOO_MANY_MEETINGS   the hub has in_limit already
-- Needs:    a transaction
-- Example:  CALL meeting_book('00000000000000f1', '00000000000000a1', '00000000000000f9',
--           '{"title": "Weekly", "message": "", "date": "Monday"}', 1000);
DELIMITER $$
CREATE OR REPLACE PROCEDURE meeting_book(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_author  CHAR(16) COLLATE ascii_bin,
    IN in_id      CHAR(16) COLLATE ascii_bin,
    IN in_content LONGTEXT,
    IN in_limit   INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_full TINYINT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: a few meetings too many do no harm
    SELECT COUNT(*) >= in_limit INTO v_full FROM media WHERE owner_id = in_owner AND category = 'schedule';
    IF v_full THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'TOO_MANY_MEETINGS';
    END IF;

    INSERT INTO media (owner_id, id, parent_id, author_id, filename, category, metadata, ctime, mtime)
    VALUES (in_owner, in_id, NULL, in_author, JSON_VALUE(in_content, '$.title'), 'schedule',
            JSON_OBJECT('content', JSON_SET(in_content, '$.room_id', in_id, '$.attendees', JSON_ARRAY()),
                        'room_status', 'booked'),
            v_now, v_now);

    SELECT data FROM node_card WHERE owner_id = in_owner AND id = in_id;
END$$
DELIMITER ;
