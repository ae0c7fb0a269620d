-- attachment_add: reserve the place of a file that a message will carry; its content follows.
--
-- A file that is sent again under the same id, even by two requests at once, keeps its place and the content
-- that is there: what an upload contains never changes. A file that was not sent within an hour is deleted.
--
-- Params:   in_owner   whose quota it counts against: the author, or the hub
--           in_file    JSON: nid (id of the upload), filename, mimetype, filesize
--           in_quota   bytes of all attachments of the owner
-- Returns:  nothing
-- Errors:   QUOTA_EXCEEDED       the attachments of the owner would have more bytes
--           INVALID_ATTACHMENT   a message has this file already
-- Needs:    a transaction
-- Example:  CALL attachment_add('00000000000000a1', '{"nid": "0123456789abcdef0123456789abcdef",
--           "filename": "plan.pdf", "mimetype": "application/pdf", "filesize": 7}', 1000);
DELIMITER $$
CREATE OR REPLACE PROCEDURE attachment_add(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_file  LONGTEXT,
    IN in_quota BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(32) COLLATE ascii_bin DEFAULT JSON_VALUE(in_file, '$.nid');
    DECLARE v_size INT UNSIGNED DEFAULT JSON_VALUE(in_file, '$.filesize');
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_used BIGINT UNSIGNED;
    DECLARE v_is_sent TINYINT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    DELETE FROM attachment WHERE owner_id = in_owner AND message_id IS NULL AND ctime < v_now - 3600;
    -- two files at once are counted one after the other; at two nodes, the quota is exceeded by one file
    SELECT COALESCE(SUM(IF(id = v_id, 0, filesize)), 0),
           COALESCE(SUM(id = v_id AND message_id IS NOT NULL), 0)
    INTO v_used, v_is_sent
    FROM attachment
    WHERE owner_id = in_owner
    FOR UPDATE;
    IF v_is_sent THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_ATTACHMENT';
    ELSEIF v_used + v_size > in_quota THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'QUOTA_EXCEEDED';
    END IF;
    INSERT INTO attachment (owner_id, id, filename, mimetype, filesize, ctime)
    VALUES (in_owner, v_id, JSON_VALUE(in_file, '$.filename'), JSON_VALUE(in_file, '$.mimetype'), v_size,
            v_now)
    ON DUPLICATE KEY UPDATE ctime = v_now;
END$$
DELIMITER ;
