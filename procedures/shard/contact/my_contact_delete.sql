-- my_contact_delete: take an entry out of the owner's address book, with everything that hangs on it.
--
-- Params:   in_owner   whose address book
--           in_id      contact
-- Returns:  one row    data  JSON: contact_id, his_id (uid of the registered person, or NULL), entity
--           rows       node, sockets: the owner's open sockets
-- Errors:   CONACT_NOT_EXIST   no such contact of the owner
-- Example:  CALL my_contact_delete('00000000000000a1', '0000000000000c01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_delete(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_peer CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_entity VARCHAR(255);

    SELECT id, peer_id, entity INTO v_id, v_peer, v_entity
    FROM contact
    WHERE owner_id = in_owner AND id = in_id
    FOR UPDATE;

    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONACT_NOT_EXIST';
    END IF;

    DELETE FROM map_tag WHERE owner_id = in_owner AND entity_id = v_id;
    DELETE FROM contact WHERE owner_id = in_owner AND id = v_id;

    SELECT JSON_OBJECT('contact_id', v_id, 'his_id', v_peer, 'entity', v_entity) AS data;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
