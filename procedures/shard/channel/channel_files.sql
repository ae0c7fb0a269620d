-- channel_files: list a page of the files of a message of a hub.
--
-- Params:   in_hub       hub
--           in_reader    member
--           in_message   message id
--           in_page      1 is the first
--           in_size      rows a page
-- Returns:  rows         data  JSON, see message_files
-- Errors:   NOT_A_MEMBER   the reader may not read the whole hub
-- Example:  CALL channel_files('00000000000000f1', '00000000000000a1', '00000000000000d9', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE channel_files(
    IN in_hub     CHAR(16) COLLATE ascii_bin,
    IN in_reader  CHAR(16) COLLATE ascii_bin,
    IN in_message VARCHAR(64) COLLATE ascii_bin,
    IN in_page    INT UNSIGNED,
    IN in_size    INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    CALL channel_admit(in_hub, in_reader);
    CALL message_files(in_hub, in_message, in_page, in_size);
END$$
DELIMITER ;
