-- my_contact_form: get one contact of the owner in full, with what the service needs to find out how an edit
-- form differs from it (service/contacts/form_changes.py), to render the change (contact_change.py), and to
-- answer at once when nothing differs.
--
-- Params:   in_owner          owner of the address book
--           in_id             contact
-- Returns:  at most one row   rev: revision of the address book, not later than the contact; is_plain (1: the
--                             entry stands for nobody who is registered, and no relation exists); is_auto (1:
--                             the names are those of an account); own_email (of the owner); record  JSON, or
--                             NULL; digest, full_digest, names_digest (MD5 of the record, of the stored text
--                             of the RPC and of the names, in hexadecimal digits, or NULL); private
--                             (contact_record); international: those of the numbers, by position, with a
--                             blank between them and - for an unknown one; record_rev: that of the record, or
--                             NULL
--           at most one row   data  JSON, the full contact (contact_full)
--           rows              node, sockets: open sockets of the owner
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
    DECLARE v_rev, v_record_rev BIGINT UNSIGNED;
    DECLARE v_is_plain, v_is_auto, v_is_stored TINYINT;
    DECLARE v_own_email VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_record, v_private, v_full LONGTEXT COLLATE utf8mb4_bin;
    DECLARE v_digest, v_names_digest BINARY(16);
    DECLARE v_international TEXT;
    DECLARE v_phones INT UNSIGNED;

    -- the revision is read before the contact, or with it: what changes afterwards has a later one
    SELECT l.rev,
           c.peer_id IS NULL AND d.id IS NULL AND c.status IN ('memory', 'sent')
           AND c.category = 'independant',
           c.is_auto, me.email, r.record, r.digest, r.names_digest, r.private, r.rpc_full,
           r.rev, c.peer_id IS NULL AND b.contact_id IS NULL
    INTO v_rev, v_is_plain, v_is_auto, v_own_email, v_record, v_digest, v_names_digest, v_private, v_full,
         v_record_rev, v_is_stored
    FROM contact AS c FORCE INDEX (PRIMARY)
    JOIN contact_ledger AS l FORCE INDEX (PRIMARY) ON l.owner_id = in_owner
    JOIN yp.drumate AS me FORCE INDEX (PRIMARY) ON me.id = in_owner
    LEFT JOIN yp.drumate AS d FORCE INDEX (by_email) ON d.email = c.email
    LEFT JOIN contact_record AS r FORCE INDEX (PRIMARY) ON r.owner_id = in_owner AND r.contact_id = in_id
    LEFT JOIN yp.contact_block AS b ON b.owner_id = in_owner AND b.contact_id = in_id
    WHERE c.owner_id = in_owner AND c.id = in_id AND c.deleted_at IS NULL;
    IF v_full LIKE '%"mobile": [{%' THEN
        -- the only number needs no aggregation in order
        SELECT COUNT(*), MAX(COALESCE(NULLIF(international, ''), '-')) INTO v_phones, v_international
        FROM contact_phone FORCE INDEX (PRIMARY)
        WHERE owner_id = in_owner AND contact_id = in_id;
        IF v_phones > 1 THEN
            SELECT GROUP_CONCAT(COALESCE(NULLIF(international, ''), '-') ORDER BY position SEPARATOR ' ')
            INTO v_international
            FROM contact_phone
            WHERE owner_id = in_owner AND contact_id = in_id;
        END IF;
    END IF;
    SELECT v_rev AS rev, v_is_plain AS is_plain, v_is_auto AS is_auto, v_own_email AS own_email,
           v_record AS record, LOWER(HEX(v_digest)) AS digest, MD5(v_full) AS full_digest,
           LOWER(HEX(v_names_digest)) AS names_digest, v_private AS private,
           v_international AS international, v_record_rev AS record_rev
    FROM DUAL
    WHERE v_rev IS NOT NULL;
    -- the text has neither what is live of a user, nor tags (contact_document)
    IF v_is_stored AND v_full LIKE '%}' THEN
        SELECT v_full AS data;
    ELSE
        CALL my_contact_get(in_owner, in_id);
    END IF;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
