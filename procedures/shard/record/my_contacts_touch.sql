-- my_contacts_touch: my_contacts_render, for more than 1,000 contacts not at once, but soon (contact_catch_up).
--
-- Params:   in_owner      whose address book
--           in_contacts   JSON array of contacts, in the book, in the trash, or nowhere any more
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL my_contacts_touch('00000000000000a1', '["0000000000000c01"]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contacts_touch(
    IN in_owner    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_contacts LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF JSON_LENGTH(in_contacts) > 1000 THEN
        INSERT INTO contact_stale (owner_id, contact_id)
        SELECT in_owner, j.id
        FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j
        ON DUPLICATE KEY UPDATE contact_id = j.id;
    ELSE
        CALL my_contacts_render(in_owner, in_contacts);
    END IF;
END$$
DELIMITER ;
