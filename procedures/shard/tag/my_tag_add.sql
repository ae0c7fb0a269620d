-- my_tag_add: give a contact, or a hub that the owner can see, exactly these tags.
--
-- Params:   in_owner    whose tags
--           in_entity   contact or hub
--           in_tags     JSON array of tag ids, may be empty
-- Returns:  rows        data  JSON (tag_card)
-- Errors:   INVALID_ENTITY   neither a contact of the owner nor a hub he has access to
--           TAG_NOT_FOUND    one of the tags does not exist; nothing is changed
-- Example:  CALL my_tag_add('00000000000000a1', '0000000000000c01', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_tag_add(
    IN in_owner  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_entity VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_tags   LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_contact CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_tags, v_unknown, v_hubs INT UNSIGNED;

    SELECT id INTO v_contact FROM contact WHERE owner_id = in_owner AND id = in_entity FOR UPDATE;
    SELECT COUNT(*) INTO v_hubs
    FROM yp.permission
    WHERE hub_id = in_entity AND entity_id = in_owner AND level > 0
      AND (expiry = 0 OR expiry > UNIX_TIMESTAMP());
    IF v_contact IS NULL AND v_hubs = 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'INVALID_ENTITY';
    END IF;

    SELECT COUNT(*) INTO v_tags FROM tag WHERE owner_id = in_owner LOCK IN SHARE MODE;
    SELECT COUNT(*) INTO v_unknown
    FROM JSON_TABLE(in_tags, '$[*]' COLUMNS (tag_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j
    LEFT JOIN tag AS t ON t.owner_id = in_owner AND t.tag_id = j.tag_id
    WHERE t.tag_id IS NULL;
    IF v_unknown > 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'TAG_NOT_FOUND';
    END IF;

    DELETE FROM map_tag WHERE owner_id = in_owner AND entity_id = in_entity;
    INSERT INTO map_tag (owner_id, tag_id, entity_id, category)
    SELECT DISTINCT in_owner, j.tag_id, in_entity, IF(v_contact IS NULL, 'group', 'contact')
    FROM JSON_TABLE(in_tags, '$[*]' COLUMNS (tag_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j;
    IF v_contact IS NOT NULL THEN
        CALL my_contact_touch(in_owner, v_contact);
    END IF;
    CALL my_tag_get(in_owner, in_entity);
END$$
DELIMITER ;
