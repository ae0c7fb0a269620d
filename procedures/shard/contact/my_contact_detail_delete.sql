-- my_contact_detail_delete: delete an address or a number of a contact. The default email address stays.
--
-- Params:   in_owner     owner of the address book
--           in_contact   contact
--           in_kind      email, phone or address
--           in_id        the entry
-- Returns:  one row      outcome: deleted, missing (the contact has no such entry), or default (it stays)
--           at most one row   data  JSON, the full contact (contact_full), when the entry was deleted
--           rows         node, sockets: open sockets of the owner
-- Errors:   CONTACT_NOT_FOUND   no such contact of the owner
-- Needs:    a transaction
-- Example:  CALL my_contact_detail_delete('00000000000000a1', '0000000000000c01', 'email',
--           '0000000000000e01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_detail_delete(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_contact VARCHAR(64) COLLATE ascii_bin,
    IN in_kind    VARCHAR(8) COLLATE ascii_bin,
    IN in_id      VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_contact, v_peer CHAR(16) COLLATE ascii_bin;
    DECLARE v_default_count TINYINT;
    DECLARE v_deleted_count INT;
    DECLARE v_outcome VARCHAR(8) COLLATE ascii_bin DEFAULT 'missing';
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL contact_lock(in_owner, in_contact, '{}', v_contact, v_peer);
    IF v_contact IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    END IF;
    CASE in_kind
        WHEN 'email' THEN
            DELETE FROM contact_email
            WHERE owner_id = in_owner AND contact_id = v_contact AND id = in_id AND is_default = 0;
        WHEN 'phone' THEN
            DELETE FROM contact_phone WHERE owner_id = in_owner AND contact_id = v_contact AND id = in_id;
        ELSE
            DELETE FROM contact_address WHERE owner_id = in_owner AND contact_id = v_contact AND id = in_id;
    END CASE;
    SET v_deleted_count = ROW_COUNT();
    IF v_deleted_count = 1 THEN
        SET v_outcome = 'deleted';
        UPDATE contact SET mtime = UNIX_TIMESTAMP() WHERE owner_id = in_owner AND id = v_contact;
        CALL contact_render_parts(in_owner, v_contact, 'all', NULL);
    ELSEIF in_kind = 'email' THEN
        SELECT COUNT(*) INTO v_default_count
        FROM contact_email
        WHERE owner_id = in_owner AND contact_id = v_contact AND id = in_id;
        SET v_outcome = IF(v_default_count = 1, 'default', 'missing');
    END IF;

    SELECT v_outcome AS outcome;
    SELECT data FROM contact_full WHERE owner_id = in_owner AND id = v_contact AND v_deleted_count = 1;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
