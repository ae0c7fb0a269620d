-- message_files: list a page of the files of a message that the owner has.
--
-- Params:   in_owner     owner of the copy
--           in_message   message id
--           in_page      1 is the first
--           in_size      rows a page
-- Returns:  rows         data  JSON: nid, hub_id (whose quota it counts against), filename, mimetype,
--                        filesize, ctime, page
-- Errors:   none
-- Example:  CALL message_files('00000000000000a1', '00000000000000d9', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE message_files(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_message VARCHAR(64) COLLATE ascii_bin,
    IN in_page    INT UNSIGNED,
    IN in_size    INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_skip BIGINT UNSIGNED DEFAULT (in_page - 1) * in_size;

    SELECT JSON_OBJECT(
        'nid', j.nid, 'hub_id', j.hub_id, 'filename', j.filename, 'mimetype', j.mimetype,
        'filesize', j.filesize, 'ctime', m.ctime, 'page', in_page + 0
    ) AS data
    FROM message AS m
    JOIN JSON_TABLE(m.metadata, '$.attachment[*]' COLUMNS (
        position FOR ORDINALITY,
        nid      CHAR(32) COLLATE ascii_bin PATH '$.nid',
        hub_id   CHAR(16) COLLATE ascii_bin PATH '$.hub_id',
        filename VARCHAR(255) COLLATE utf8mb4_bin PATH '$.filename',
        mimetype VARCHAR(64) COLLATE ascii_bin PATH '$.mimetype',
        filesize INT UNSIGNED PATH '$.filesize'
    )) AS j
    WHERE m.owner_id = in_owner AND m.message_id = in_message
    ORDER BY m.peer_id, j.position
    LIMIT v_skip, in_size;
END$$
DELIMITER ;
