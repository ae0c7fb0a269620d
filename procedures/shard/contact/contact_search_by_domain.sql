-- contact_search_by_domain: list a page of contacts and colleagues whose words start with a text.
--
-- Params:   in_owner   owner of the address book
--           in_key     start of a word of a name or address
--           in_page    1 is the first
--           in_size    rows a page
-- Returns:  rows       data  JSON, one contact; id is the contact id, or the uid of a colleague
-- Errors:   none
-- Example:  CALL contact_search_by_domain('00000000000000a1', 'ada', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_search_by_domain(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_key   VARCHAR(255),
    IN in_page  INT UNSIGNED,
    IN in_size  INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    CALL contact_search(in_owner, in_key, '', 0, '[]', 'contact', in_page, in_size);
END$$
DELIMITER ;
