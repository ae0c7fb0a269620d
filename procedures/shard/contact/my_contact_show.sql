-- my_contact_show: list a page of the owner's address book (my_contact_list).
--
-- Callers:  people; processes of an older release during a deploy
-- Params:   in_owner    owner of the address book
--           in_tag      only contacts with this tag or one below it; NULL for all
--           in_name     only contacts whose displayed name contains this; NULL for all
--           in_sort     name or date
--           in_order    asc or desc
--           in_option   active, archived, sent (unanswered invitations) or all
--           in_page     1 is the first
--           in_size     rows a page
-- Returns:  rows        data  JSON, one contact (contact_card) and its page
-- Errors:   none
-- Example:  CALL my_contact_show('00000000000000a1', NULL, NULL, 'name', 'asc', 'active', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_show(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_tag    VARCHAR(64) COLLATE ascii_bin,
    IN in_name   VARCHAR(255),
    IN in_sort   VARCHAR(8) COLLATE ascii_bin,
    IN in_order  VARCHAR(8) COLLATE ascii_bin,
    IN in_option VARCHAR(16) COLLATE ascii_bin,
    IN in_page   INT UNSIGNED,
    IN in_size   INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    CALL my_contact_list(in_owner, in_tag, in_name, in_sort, in_order, in_option, in_page, in_size, NULL);
END$$
DELIMITER ;
