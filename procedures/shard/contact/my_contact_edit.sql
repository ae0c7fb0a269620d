-- my_contact_edit: get one contact of the owner in full, with what the service needs to find out how an edit
-- form differs from it (service/contacts/form_changes.py), to render a new comment (comment_change.py), and
-- to answer at once when nothing differs.
--
-- Params:   in_owner          owner of the address book
--           in_id             contact
-- Returns:  at most one row   rev: revision of the address book, not later than the contact; is_plain (1: the
--                             entry stands for nobody who is registered, and no relation exists); is_auto (1:
--                             the names are those of an account); own_email (of the owner); record  JSON, or
--                             NULL; digest, full_digest (MD5 of the record and of the stored text of the RPC,
--                             in hexadecimal digits, or NULL)
--           at most one row   data  JSON, the full contact (contact_full)
--           rows              node, sockets: open sockets of the owner
-- Errors:   none
-- Example:  CALL my_contact_edit('00000000000000a1', '0000000000000000');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_edit(
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
           c.is_auto, me.email AS own_email,
           r.record, LOWER(HEX(r.digest)) AS digest, MD5(r.rpc_full) AS full_digest
    FROM contact AS c
    JOIN contact_ledger AS l ON l.owner_id = in_owner
    JOIN yp.drumate AS me ON me.id = in_owner
    LEFT JOIN yp.drumate AS d ON d.email = c.email
    LEFT JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = in_id
    WHERE c.owner_id = in_owner AND c.id = in_id AND c.deleted_at IS NULL;
    CALL my_contact_get(in_owner, in_id);
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
