-- my_contacts_touch: my_contact_touch for several contacts; the first 200 at once, the others soon (contact_catch_up).
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
    FOR c IN (
        SELECT j.id
        FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j
        LIMIT 200
    ) DO
        CALL my_contact_touch(in_owner, c.id);
    END FOR;
    INSERT INTO contact_stale (owner_id, contact_id)
    SELECT in_owner, j.id
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        position FOR ORDINALITY,
        id       CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
    )) AS j
    WHERE j.position > 200
    ON DUPLICATE KEY UPDATE contact_id = j.id;
END$$
DELIMITER ;
