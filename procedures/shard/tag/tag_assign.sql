-- tag_assign: move a tag below another one, or to the top.
--
-- Params:   in_owner    owner of the tags
--           in_tag      tag
--           in_parent   new parent; NULL or '' for none
-- Returns:  one row     data  JSON (tag_card)
-- Errors:   TAG_NOT_FOUND          no such tag
--           PARENT_TAG_NOT_FOUND   no such parent
--           CANT_ASSIGN            the parent is the tag itself, or below it
-- Needs:    a transaction
-- Example:  CALL tag_assign('00000000000000a1', '0000000000000d01', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE tag_assign(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_tag    VARCHAR(64) COLLATE ascii_bin,
    IN in_parent VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_parent VARCHAR(64) COLLATE ascii_bin DEFAULT NULLIF(in_parent, '');
    DECLARE v_tags, v_parents INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- two moves at once must not put each tag below the other one
    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    SELECT COALESCE(SUM(tag_id = in_tag), 0), COALESCE(SUM(tag_id = v_parent), 0) INTO v_tags, v_parents
    FROM tag
    WHERE owner_id = in_owner
    FOR UPDATE;
    IF v_tags = 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'TAG_NOT_FOUND';
    ELSEIF v_parent IS NOT NULL AND v_parents = 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PARENT_TAG_NOT_FOUND';
    ELSEIF v_parent IS NOT NULL AND JSON_CONTAINS(tag_tree(in_owner, in_tag), JSON_QUOTE(v_parent)) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CANT_ASSIGN';
    END IF;

    UPDATE tag SET parent_tag_id = v_parent WHERE owner_id = in_owner AND tag_id = in_tag;
    SELECT k.data FROM tag_card AS k WHERE k.owner_id = in_owner AND k.tag_id = in_tag;
END$$
DELIMITER ;
