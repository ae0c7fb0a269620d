-- contact_group_list: list a page of the owner's groups.
--
-- Params:   in_owner   owner of the groups
--           in_tag     only groups with a member that has this tag or one below it; NULL for all
--           in_name    part of a name; NULL for all
--           in_sort    name or date
--           in_order   asc or desc
--           in_page    1 is the first
--           in_size    rows a page
-- Returns:  rows       data  JSON (group_card), page
-- Errors:   none
-- Example:  CALL contact_group_list('00000000000000a1', NULL, NULL, 'name', 'asc', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_list(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_tag   VARCHAR(64) COLLATE ascii_bin,
    IN in_name  VARCHAR(255),
    IN in_sort  VARCHAR(8) COLLATE ascii_bin,
    IN in_order VARCHAR(8) COLLATE ascii_bin,
    IN in_page  INT UNSIGNED,
    IN in_size  INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_skip BIGINT UNSIGNED DEFAULT (in_page - 1) * in_size;
    DECLARE v_name VARCHAR(520) DEFAULT CONCAT('%', like_escape(in_name), '%');
    DECLARE v_tree LONGTEXT DEFAULT tag_tree(in_owner, in_tag);

    SELECT JSON_INSERT(k.data, '$.page', in_page + 0) AS data
    FROM group_card AS k
    WHERE k.owner_id = in_owner
      AND (v_name IS NULL OR k.name LIKE v_name)
      AND (in_tag IS NULL OR EXISTS (
        SELECT 1
        FROM contact_group_member AS m
        JOIN map_tag AS t ON t.owner_id = in_owner AND t.entity_id = m.contact_id
        JOIN contact AS c ON c.owner_id = in_owner AND c.id = m.contact_id AND c.deleted_at IS NULL
        WHERE m.owner_id = in_owner AND m.group_id = k.id AND JSON_CONTAINS(v_tree, JSON_QUOTE(t.tag_id))
      ))
    ORDER BY
        IF(in_sort = 'date' AND in_order <> 'desc', k.ctime, NULL),
        IF(in_sort = 'date' AND in_order = 'desc', k.ctime, NULL) DESC,
        IF(in_sort <> 'date' AND in_order = 'desc', k.name, NULL) DESC,
        k.name,
        k.id
    LIMIT v_skip, in_size;
END$$
DELIMITER ;
