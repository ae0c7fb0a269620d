-- my_contact: list the users that the owner can pick: contacts and, in a paid domain, colleagues.
--
-- Params:   in_owner     owner of the address book
--           in_key       start of a word of a name or address; '' for all
--           in_status    '' any, active, paper (any but active), archived, or a contact status
--           in_drumate   1: registered users only
--           in_filter    JSON array of addresses to leave out
--           in_page      1 is the first
--           in_size      rows a page
-- Returns:  rows         data  JSON, one contact; id is the uid, else the address
-- Errors:   none
-- Example:  CALL my_contact('00000000000000a1', 'ada', '', 0, '[]', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_key     VARCHAR(255),
    IN in_status  VARCHAR(16) COLLATE ascii_bin,
    IN in_drumate TINYINT,
    IN in_filter  LONGTEXT,
    IN in_page    INT UNSIGNED,
    IN in_size    INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    CALL contact_search(in_owner, in_key, in_status, in_drumate, in_filter, 'entity', in_page, in_size);
END$$
DELIMITER ;
