-- my_contacts_trash: move contacts without relation to the trash at once, as my_contact_trash moves one.
--
-- Params:   in_owner      owner of the address book
--           in_contacts   JSON array of contacts, at most 1,000; those that are in the trash, invited,
--                         related or blocked stay as they are
-- Returns:  rows          contact_id, entity (as it was) of those that were moved
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL my_contacts_trash('00000000000000a1', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contacts_trash(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_contacts LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_no_id, v_no_peer CHAR(16) COLLATE ascii_bin;
    DECLARE v_moved LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- the owner alone: nobody else is concerned
    CALL contact_lock(in_owner, NULL, '{}', v_no_id, v_no_peer);
    -- unlocked: every routine that changes a relation holds the lock of the owner
    SELECT COALESCE(JSON_ARRAYAGG(c.id), '[]') INTO v_moved
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (id CHAR(16) COLLATE ascii_bin PATH '$')) AS j
    STRAIGHT_JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.id
    WHERE c.box IN ('active', 'archived') AND c.status = 'memory'
      AND NOT EXISTS (
          SELECT 1 FROM yp.contact_block AS b WHERE b.owner_id = in_owner AND b.contact_id = c.id
      );
    INSERT INTO contact_relation_aside (owner_id, id, entity, peer_id, uid, status, is_blocked)
    SELECT in_owner, c.id, c.entity, c.peer_id, c.uid, c.status, 0
    FROM JSON_TABLE(v_moved, '$[*]' COLUMNS (id CHAR(16) COLLATE ascii_bin PATH '$')) AS j
    STRAIGHT_JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.id AND c.deleted_at IS NULL;
    UPDATE JSON_TABLE(v_moved, '$[*]' COLUMNS (id CHAR(16) COLLATE ascii_bin PATH '$')) AS j
    STRAIGHT_JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.id AND c.deleted_at IS NULL
    SET c.deleted_at = v_now, c.mtime = v_now, c.entity = c.id, c.peer_id = NULL, c.uid = NULL;
    CALL contacts_render(in_owner, v_moved);
    SELECT a.id AS contact_id, a.entity
    FROM JSON_TABLE(v_moved, '$[*]' COLUMNS (id CHAR(16) COLLATE ascii_bin PATH '$')) AS j
    STRAIGHT_JOIN contact_relation_aside AS a ON a.owner_id = in_owner AND a.id = j.id;
END$$
DELIMITER ;
