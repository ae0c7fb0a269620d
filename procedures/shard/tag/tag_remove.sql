-- tag_remove: delete a tag and all tags below it. Contacts lose the tag only.
--
-- Params:   in_owner   owner of the tag
--           in_tag     tag
-- Returns:  one row    data  JSON: tag_id, removed (array of tag ids)
-- Errors:   TAG_NOT_FOUND   no such tag
-- Needs:    a transaction
-- Example:  CALL tag_remove('00000000000000a1', '0000000000000d01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE tag_remove(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_tag   VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_tags INT UNSIGNED;
    DECLARE v_tree, v_contacts LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    SELECT COUNT(*) INTO v_tags FROM tag WHERE owner_id = in_owner FOR UPDATE;
    SET v_tree = tag_tree(in_owner, in_tag);
    IF JSON_LENGTH(v_tree) = 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'TAG_NOT_FOUND';
    END IF;

    SELECT COALESCE(JSON_ARRAYAGG(DISTINCT m.entity_id), '[]') INTO v_contacts
    FROM JSON_TABLE(v_tree, '$[*]' COLUMNS (tag_id CHAR(16) COLLATE ascii_bin PATH '$')) AS j
    JOIN map_tag AS m ON m.owner_id = in_owner AND m.tag_id = j.tag_id
    WHERE m.category = 'contact';

    -- detached first, because a cascade of the database ends at fifteen levels
    UPDATE tag SET parent_tag_id = NULL
    WHERE owner_id = in_owner AND JSON_CONTAINS(v_tree, JSON_QUOTE(tag_id));
    DELETE FROM tag WHERE owner_id = in_owner AND JSON_CONTAINS(v_tree, JSON_QUOTE(tag_id));
    CALL contacts_render(in_owner, v_contacts);
    SELECT JSON_OBJECT('tag_id', in_tag, 'removed', JSON_COMPACT(v_tree)) AS data;
END$$
DELIMITER ;
