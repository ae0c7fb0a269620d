-- my_contact_form: get one contact of the owner in full, with what the service needs to find out how an edit
-- form differs from it (service/contacts/form_changes.py).
--
-- Params:   in_owner          owner of the address book
--           in_id             contact
-- Returns:  at most one row   rev: revision of the address book, not later than the contact; is_plain (1: the
--                             entry stands for nobody who is registered, and no relation exists); is_auto (1:
--                             the names are those of an account); own_email (of the owner)
--           at most one row   data  JSON, the full contact (contact_full)
-- Errors:   none
-- Example:  CALL my_contact_form('00000000000000a1', '0000000000000000');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_form(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    -- before the contact: what changes after it was read has a later revision
    SELECT l.rev,
           c.peer_id IS NULL AND d.id IS NULL AND c.status IN ('memory', 'sent')
           AND c.category = 'independant' AS is_plain,
           c.is_auto, me.email AS own_email
    FROM contact AS c
    JOIN contact_ledger AS l ON l.owner_id = in_owner
    JOIN yp.drumate AS me ON me.id = in_owner
    LEFT JOIN yp.drumate AS d ON d.email = c.email
    WHERE c.owner_id = in_owner AND c.id = in_id AND c.deleted_at IS NULL;
    CALL my_contact_get(in_owner, in_id);
END$$
DELIMITER ;
