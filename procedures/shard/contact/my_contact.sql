-- my_contact: the people the owner can pick from: his contacts and, in a paid domain, his colleagues.
--
-- Params:   in_owner     whose address book
--           in_key       start of a word of a name or address; '' for everybody
--           in_status    '' any, active, paper (any but active), archived, or a contact status
--           in_drumate   1: registered people only
--           in_filter    JSON array of addresses to leave out
--           in_page      1 is the first
--           in_size      rows a page
-- Returns:  rows         data  JSON, one person; id is his uid, else his address
-- Errors:   none
-- Example:  CALL my_contact('00000000000000a1', 'ada', '', 0, '[]', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact(
    IN in_owner   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_key     VARCHAR(255),
    IN in_status  VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_drumate TINYINT,
    IN in_filter  LONGTEXT,
    IN in_page    INT UNSIGNED,
    IN in_size    INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    CALL contact_find(in_owner, in_key, in_status, in_drumate, in_filter, 'entity', in_page, in_size);
END$$
DELIMITER ;
