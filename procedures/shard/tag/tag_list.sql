-- tag_list: list a page of the owner's tags: those at the top, those below another one, or those that match.
--
-- Params:   in_owner    owner of the tags
--           in_parent   tags below this one; NULL for those at the top
--           in_search   part of a name, at any level; NULL for no search
--           in_order    desc reverses the order of positions
--           in_page     1 is the first
--           in_size     rows a page
-- Returns:  rows        data  JSON (tag_card), is_any_child, room_count (contacts with the tag that have
--                             unread messages), page
-- Errors:   none
-- Example:  CALL tag_list('00000000000000a1', NULL, NULL, 'asc', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE tag_list(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_parent VARCHAR(64) COLLATE ascii_bin,
    IN in_search VARCHAR(255),
    IN in_order  VARCHAR(16) COLLATE ascii_bin,
    IN in_page   INT UNSIGNED,
    IN in_size   INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_skip BIGINT UNSIGNED DEFAULT (in_page - 1) * in_size;
    DECLARE v_name VARCHAR(520) DEFAULT CONCAT('%', like_escape(in_search), '%');

    SELECT JSON_MERGE_PATCH(k.data, JSON_OBJECT(
        'page', in_page + 0,
        'is_any_child', IF(EXISTS (
            SELECT 1 FROM tag AS below WHERE below.owner_id = in_owner AND below.parent_tag_id = k.tag_id
        ), 1, 0),
        'room_count', (
            SELECT COUNT(*)
            FROM map_tag AS m
            JOIN contact AS c ON c.owner_id = in_owner AND c.id = m.entity_id
            WHERE m.owner_id = in_owner AND m.tag_id = k.tag_id
              AND EXISTS (
                SELECT 1 FROM message AS u
                WHERE u.owner_id = in_owner AND u.is_read = 0 AND u.peer_id = c.peer_id
              )
        )
    )) AS data
    FROM tag_card AS k
    WHERE k.owner_id = in_owner
      AND IF(v_name IS NULL, k.parent_tag_id <=> in_parent, k.name COLLATE utf8mb4_unicode_520_ci LIKE v_name)
    ORDER BY IF(in_order = 'desc', -k.position, k.position), k.tag_id
    LIMIT v_skip, in_size;
END$$
DELIMITER ;
