-- my_tag_add: replace the tags of a contact, or of a hub that the owner can see.
--
-- Params:   in_owner    owner of the tags
--           in_entity   contact or hub
--           in_tags     JSON array of tag ids, may be empty
-- Returns:  rows        data  JSON (tag_card)
-- Errors:   INVALID_ENTITY   neither a contact of the owner nor a hub the owner can see
--           TAG_NOT_FOUND    one of the tags does not exist; nothing is changed
-- Needs:    a transaction
-- Example:  CALL my_tag_add('00000000000000a1', '0000000000000c01', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_tag_add(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_entity VARCHAR(64) COLLATE ascii_bin,
    IN in_tags   LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_contact CHAR(16) COLLATE ascii_bin;
    DECLARE v_tags, v_hubs INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- lock only: contact_render_parts writes the ledger, as a deletion of the contact does
    SELECT id INTO v_contact
    FROM contact
    WHERE owner_id = in_owner AND id = in_entity AND deleted_at IS NULL
    FOR UPDATE;
    SELECT COUNT(*) INTO v_hubs
    FROM yp.permission
    WHERE hub_id = in_entity AND entity_id = in_owner AND level > 0
      AND (expiry = 0 OR expiry > UNIX_TIMESTAMP());
    IF v_contact IS NULL AND v_hubs = 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_ENTITY';
    END IF;

    SELECT COUNT(*) INTO v_tags FROM tag WHERE owner_id = in_owner LOCK IN SHARE MODE;
    CALL tags_check(in_owner, in_tags);

    DELETE FROM map_tag WHERE owner_id = in_owner AND entity_id = in_entity;
    INSERT INTO map_tag (owner_id, tag_id, entity_id, category)
    SELECT DISTINCT in_owner, j.tag_id, in_entity, IF(v_contact IS NULL, 'group', 'contact')
    FROM JSON_TABLE(in_tags, '$[*]' COLUMNS (tag_id VARCHAR(64) COLLATE ascii_bin PATH '$')) AS j;
    IF v_contact IS NOT NULL THEN
        CALL contact_render_parts(in_owner, v_contact, 'all', NULL);
    END IF;
    CALL my_tag_get(in_owner, in_entity);
END$$
DELIMITER ;
