-- my_contact_touch: make the record of a contact again, with what finds it; when it differs from what it was, the
-- owner's revision grows and an event is noted.
--
-- The last thing a routine does that has written a contact, or anything that hangs on it. The lock of the ledger puts the
-- changes of an owner in the order in which they are committed; nothing but records is locked after it. Reads without
-- locks are enough: whoever changes the contact at the same time touches it after us.
--
-- Params:   in_owner   whose address book
--           in_id      contact, in the book, in the trash, or nowhere any more
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL my_contact_touch('00000000000000a1', '0000000000000c01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_touch(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now DATETIME(3) DEFAULT UTC_TIMESTAMP(3);
    DECLARE v_rev, v_found, v_oldest BIGINT UNSIGNED;
    DECLARE v_was, v_is, v_event VARCHAR(8) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_digest, v_old_digest BINARY(16);
    DECLARE v_created, v_updated, v_deleted DATETIME(3);
    DECLARE v_record LONGTEXT;

    INSERT INTO contact_ledger (owner_id) VALUES (in_owner) ON DUPLICATE KEY UPDATE rev = rev;
    SELECT rev + 1 INTO v_rev FROM contact_ledger WHERE owner_id = in_owner FOR UPDATE;
    SELECT state, digest, created_at, updated_at, deleted_at, record
    INTO v_was, v_old_digest, v_created, v_updated, v_deleted, v_record
    FROM contact_record
    WHERE owner_id = in_owner AND contact_id = in_id
    FOR UPDATE;

    SELECT COUNT(*) INTO v_found FROM contact WHERE owner_id = in_owner AND id = in_id AND box <> 'hidden';
    IF v_found = 1 THEN
        SET v_is = 'active';
    ELSE
        SELECT IF(COUNT(*) = 1, 'deleted', 'purged') INTO v_is
        FROM contact_trash
        WHERE owner_id = in_owner AND id = in_id;
    END IF;

    IF v_is = 'active' THEN
        CALL my_contact_render(in_owner, in_id, v_created, v_updated, v_record, v_digest);
        SET v_event = CASE v_was WHEN 'active' THEN 'updated' WHEN 'deleted' THEN 'restored' ELSE 'created' END;
        -- what is first seen long after it was written, by an upgrade or an import, keeps its times
        IF v_was IS NOT NULL OR v_updated > v_now - INTERVAL 2 SECOND THEN
            SET v_updated = GREATEST(v_now, v_created);
        END IF;
        SET v_deleted = NULL;
    ELSEIF v_was = 'active' OR v_is <> v_was THEN
        SET v_event = v_is, v_updated = v_now, v_deleted = v_now, v_digest = REPEAT('\0', 16);
    END IF;

    IF v_was = v_is AND (v_is <> 'active' OR v_digest = v_old_digest) OR v_was IS NULL AND v_is <> 'active' THEN
        -- nothing to be seen of it; an upgrade leaves records without words behind
        IF v_is = 'deleted' THEN
            CALL my_contact_index_set(in_owner, in_id, 1, v_record);
        END IF;
    ELSE
        SET v_record = IF(v_is = 'purged',
            JSON_OBJECT('id', contact_uuid(in_id), 'permanent', TRUE),
            JSON_SET(v_record, '$.updated_at', iso_time(v_updated), '$.deleted_at', iso_time(v_deleted)));
        INSERT INTO contact_record (owner_id, contact_id, rev, created_rev, state, created_at, updated_at, deleted_at, digest, record)
        VALUES (in_owner, in_id, v_rev, v_rev, v_is, v_created, v_updated, v_deleted, v_digest, v_record)
        ON DUPLICATE KEY UPDATE rev = v_rev, restored_rev = IF(v_event = 'restored', v_rev, restored_rev), state = v_is,
            updated_at = v_updated, deleted_at = v_deleted, digest = v_digest, record = v_record;
        CALL my_contact_index_set(in_owner, in_id, IF(v_is = 'deleted', 1, 0), IF(v_is = 'purged', NULL, v_record));
        SET v_oldest = IF(v_rev > 1000, v_rev - 1000, 0);
        INSERT INTO contact_event (owner_id, rev, contact_id, event) VALUES (in_owner, v_rev, in_id, v_event);
        DELETE FROM contact_event WHERE owner_id = in_owner AND rev <= v_oldest;
        UPDATE contact_ledger
        SET rev = v_rev,
            event_rev = GREATEST(event_rev, v_oldest),
            active = active + (v_is = 'active') - COALESCE(v_was = 'active', 0),
            deleted = deleted + (v_is = 'deleted') - COALESCE(v_was = 'deleted', 0)
        WHERE owner_id = in_owner;
    END IF;
    IF v_event = 'purged' THEN
        DELETE FROM contact_picture WHERE owner_id = in_owner AND contact_id = in_id;
        CALL my_contact_forget(in_owner, 90);
    END IF;
    DELETE FROM contact_stale WHERE owner_id = in_owner AND contact_id = in_id;
END$$
DELIMITER ;
