-- attachment_open: describe a file of a message for somebody who has the message.
--
-- Params:   in_owner    whose quota the file counts against
--           in_id       id of the file
--           in_reader   user
-- Returns:  at most one row   data  JSON: filename, mimetype, filesize; no row for a file that is not there
--                             or not sent yet, or whose message the reader does not have
-- Errors:   none
-- Example:  CALL attachment_open('00000000000000a1', '000000000000000000000000000000d7', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE attachment_open(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_id     VARCHAR(64) COLLATE ascii_bin,
    IN in_reader CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT('filename', a.filename, 'mimetype', a.mimetype, 'filesize', a.filesize) AS data
    FROM attachment AS a
    WHERE a.owner_id = in_owner
      AND a.id = in_id
      AND a.message_id IS NOT NULL
      AND ((in_reader = in_owner AND a.own_copy = 1)
           OR (in_reader = a.peer_id AND a.peer_copy = 1)
           OR (a.peer_id IS NULL AND yp.hub_level(in_owner, in_reader) >= 2));
END$$
DELIMITER ;
