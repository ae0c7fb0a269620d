-- my_contact_discard: my_contact_trash, as the REST API calls it.
--
-- Params:   in_owner   whose address book
--           in_id      contact
--           in_rev     revision it is meant for, or NULL
-- Returns:  as my_contact_trash, and then
--           one row    data  JSON, the record, with deleted_at; rev
-- Errors:   CONTACT_NOT_FOUND     no such contact of the owner
--           ALREADY_DELETED       it lies in the trash
--           PRECONDITION_FAILED   it has another revision
--           CONACT_NOT_EXIST      never; my_contact_trash knows it
-- Example:  CALL my_contact_discard('00000000000000a1', '0000000000000c01', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_discard(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_rev   BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_peer CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_trashed INT UNSIGNED;

    -- unlocked: people are locked before their books; it is read again below
    SELECT peer_id INTO v_peer FROM contact WHERE owner_id = in_owner AND id = in_id;
    CALL yp.contact_pair_lock(in_owner, v_peer, NULL);
    SELECT id INTO v_id FROM contact WHERE owner_id = in_owner AND id = in_id AND box <> 'hidden' FOR UPDATE;
    IF v_id IS NULL THEN
        -- unlocked: the owner is locked, and with him whoever throws away or restores
        SELECT COUNT(*) INTO v_trashed FROM contact_trash WHERE owner_id = in_owner AND id = in_id;
        IF v_trashed = 1 THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ALREADY_DELETED';
        END IF;
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    END IF;
    CALL my_contact_guard(in_owner, v_id, in_rev);
    CALL my_contact_trash(in_owner, v_id);
    CALL my_contact_record(in_owner, v_id, 1);
END$$
DELIMITER ;
