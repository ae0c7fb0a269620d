-- my_contacts_touch: my_contact_touch for several contacts; more than 200 not at once, but soon (contact_catch_up).
--
-- Params:   in_owner      whose address book
--           in_contacts   JSON array of contacts
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
    IF JSON_LENGTH(in_contacts) > 200 THEN
        INSERT INTO contact_stale (owner_id, contact_id)
        SELECT in_owner, j.id
        FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j
        ON DUPLICATE KEY UPDATE contact_id = j.id;
    ELSE
        FOR c IN (
            SELECT j.id
            FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j
        ) DO
            CALL my_contact_touch(in_owner, c.id);
        END FOR;
    END IF;
END$$
DELIMITER ;
