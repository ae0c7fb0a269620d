-- attachment_read: read a part of a file. The caller has opened it (attachment_open).
--
-- Params:   in_owner      whose quota the file counts against
--           in_id         id of the file
--           in_position   0 is the first part
-- Returns:  at most one row   content; no row after the last part
-- Errors:   none
-- Example:  CALL attachment_read('00000000000000a1', '000000000000000000000000000000d7', 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE attachment_read(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_id       VARCHAR(64) COLLATE ascii_bin,
    IN in_position SMALLINT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT content
    FROM attachment_part
    WHERE owner_id = in_owner AND id = in_id AND position = in_position;
END$$
DELIMITER ;
