-- contact_search_by_domain: the owner's contacts and his colleagues whose words start with what was typed.
--
-- Params:   in_owner   whose address book
--           in_key     start of a word of a name or address
--           in_page    1 is the first
--           in_size    rows a page
-- Returns:  rows       data  JSON, one person; id is the contact id, or the uid of a colleague
-- Errors:   none
-- Example:  CALL contact_search_by_domain('00000000000000a1', 'ada', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_search_by_domain(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_key   VARCHAR(255),
    IN in_page  INT UNSIGNED,
    IN in_size  INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    CALL contact_find(in_owner, in_key, '', 0, '[]', 'contact', in_page, in_size);
END$$
DELIMITER ;
