-- archive_entity: archive a contact, or restore it from the archive.
--
-- Params:   in_owner    owner of the address book
--           in_id       contact
--           in_status   archived or active
-- Returns:  one row     data  JSON: entity_id (the contact), contact_id, is_archived
--           rows        node, sockets: open sockets of the owner
-- Errors:   INVALID_STATUS0    another status
--           CONACT_NOT_EXIST   no such contact of the owner
-- Needs:    a transaction
-- Example:  CALL archive_entity('00000000000000a1', '0000000000000c01', 'archived');
DELIMITER $$
CREATE OR REPLACE PROCEDURE archive_entity(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_id     VARCHAR(64) COLLATE ascii_bin,
    IN in_status VARCHAR(64)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_peer CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    IF in_status NOT IN ('archived', 'active') THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_STATUS0';
    END IF;
    CALL contact_lock(in_owner, in_id, '{}', v_id, v_peer);
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONACT_NOT_EXIST';
    END IF;

    UPDATE contact
    SET is_archived = IF(in_status = 'archived', 1, 0), mtime = UNIX_TIMESTAMP()
    WHERE owner_id = in_owner AND id = v_id;
    CALL contact_render_parts(in_owner, v_id, 'all', NULL);

    SELECT JSON_OBJECT('entity_id', v_id, 'contact_id', v_id, 'is_archived', IF(in_status = 'archived', 1, 0))
        AS data;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
