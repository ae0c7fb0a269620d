-- my_contact_purge: delete a contact permanently, from the address book or from the trash, for the REST API.
--
-- Params:   in_owner   owner of the address book
--           in_id      contact
--           in_rev     revision that the caller has seen, or NULL
-- Returns:  as contact_purge
-- Errors:   CONTACT_NOT_FOUND     no such contact of the owner
--           PRECONDITION_FAILED   the contact has another revision
-- Needs:    a transaction
-- Example:  CALL my_contact_purge('00000000000000a1', '0000000000000c01', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_purge(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    CHAR(16) COLLATE ascii_bin,
    IN in_rev   BIGINT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_peer CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: people are locked before their address books
    SELECT COALESCE(a.peer_id, c.peer_id) INTO v_peer
    FROM contact AS c
    LEFT JOIN contact_relation_aside AS a ON a.owner_id = in_owner AND a.id = c.id
    WHERE c.owner_id = in_owner AND c.id = in_id;
    CALL yp.contact_pair_lock(in_owner, v_peer, NULL);
    SELECT id INTO v_id FROM contact WHERE owner_id = in_owner AND id = in_id AND box <> 'hidden' FOR UPDATE;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    END IF;
    CALL contact_revision_check(in_owner, v_id, in_rev);
    CALL contact_purge(in_owner, v_id);
END$$
DELIMITER ;
