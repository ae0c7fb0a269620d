-- attachment_write: store a part of the content of a file that is not sent yet. Again it changes nothing.
--
-- Params:   in_owner      whose quota the file counts against
--           in_id         id of the file
--           in_position   0 is the first part
--           in_content    base64
-- Returns:  nothing
-- Errors:   INVALID_ATTACHMENT   no such file, or a message has it already
-- Needs:    a transaction
-- Example:  CALL attachment_write('00000000000000a1', '000000000000000000000000000000d7', 1, 'Lg==');
DELIMITER $$
CREATE OR REPLACE PROCEDURE attachment_write(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_id       VARCHAR(64) COLLATE ascii_bin,
    IN in_position SMALLINT UNSIGNED,
    IN in_content  LONGTEXT COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(32) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- lock only: the foreign key of the part keeps its attachment, on all nodes
    SELECT id INTO v_id
    FROM attachment
    WHERE owner_id = in_owner AND id = in_id AND message_id IS NULL
    FOR UPDATE;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_ATTACHMENT';
    END IF;
    INSERT INTO attachment_part (owner_id, id, position, content)
    VALUES (in_owner, v_id, in_position, FROM_BASE64(in_content))
    ON DUPLICATE KEY UPDATE content = VALUES(content);
END$$
DELIMITER ;
