-- tag_rename: rename a tag. A name that another tag has gets " (2)", " (3)" … appended.
--
-- Params:   in_owner   owner of the tag
--           in_tag     tag
--           in_name    new name
-- Returns:  one row    data  JSON (tag_card)
-- Errors:   TAG_NOT_FOUND   no such tag
-- Needs:    a transaction
-- Example:  CALL tag_rename('00000000000000a1', '0000000000000d01', 'Example');
DELIMITER $$
CREATE OR REPLACE PROCEDURE tag_rename(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_tag   VARCHAR(64) COLLATE ascii_bin,
    IN in_name  VARCHAR(255)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_tags INT UNSIGNED;
    DECLARE v_contacts LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    SELECT COALESCE(SUM(tag_id = in_tag), 0) INTO v_tags FROM tag WHERE owner_id = in_owner FOR UPDATE;
    IF v_tags = 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'TAG_NOT_FOUND';
    END IF;
    UPDATE tag SET name = tag_name_free(in_owner, in_name, in_tag)
    WHERE owner_id = in_owner AND tag_id = in_tag;
    SELECT COALESCE(JSON_ARRAYAGG(entity_id), '[]') INTO v_contacts
    FROM map_tag
    WHERE owner_id = in_owner AND tag_id = in_tag AND category = 'contact';
    CALL contacts_render(in_owner, v_contacts);
    SELECT k.data FROM tag_card AS k WHERE k.owner_id = in_owner AND k.tag_id = in_tag;
END$$
DELIMITER ;
