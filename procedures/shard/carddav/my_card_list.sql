-- my_card_list: list all cards of the owner's address book, for CardDAV.
--
-- Params:   in_owner   owner of the address book
-- Returns:  rows       name, etag (views contact_member and group_resource)
--           one row    rev: revision of the address book, the token for my_card_changes
-- Errors:   none
-- Example:  CALL my_card_list('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_card_list(
    IN in_owner CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_rev BIGINT UNSIGNED DEFAULT 0;
    DECLARE v_moved_to VARCHAR(64) COLLATE ascii_bin;

    -- Repeats contact_export: a book that is elsewhere now is not empty, a client would delete its cards
    SELECT to_db INTO v_moved_to FROM moved_out WHERE owner_id = in_owner;
    IF v_moved_to IS NOT NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING';
    END IF;

    -- before the rows: a change between the two is told again, and not missed
    SELECT COALESCE(MAX(rev), 0) INTO v_rev FROM contact_ledger WHERE owner_id = in_owner;
    SELECT m.name, m.etag
    FROM contact AS c FORCE INDEX (by_name)
    STRAIGHT_JOIN contact_member AS m ON m.owner_id = c.owner_id AND m.contact_id = c.id AND m.is_listed = 1
    WHERE c.owner_id = in_owner AND c.box = 'active'
    UNION ALL
    SELECT g.name, g.etag
    FROM group_resource AS g
    WHERE g.owner_id = in_owner;
    SELECT v_rev AS rev;
END$$
DELIMITER ;
