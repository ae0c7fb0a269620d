-- contact_group_members: list a page of the members of a group, by name.
--
-- Params:   in_owner   owner of the group
--           in_key     id or name of the group
--           in_page    1 is the first
--           in_size    rows a page
-- Returns:  rows       data  JSON (contact_card), group_id, page
-- Errors:   GROUP_NOT_FOUND   no such group
-- Example:  CALL contact_group_members('00000000000000a1', 'Pioneers', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_members(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_key   VARCHAR(255),
    IN in_page  INT UNSIGNED,
    IN in_size  INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_skip BIGINT UNSIGNED DEFAULT (in_page - 1) * in_size;
    DECLARE v_id CHAR(16) COLLATE ascii_bin DEFAULT contact_group_find(in_owner, in_key);

    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'GROUP_NOT_FOUND';
    END IF;
    SELECT JSON_SET(k.data, '$.page', in_page + 0, '$.group_id', v_id) AS data
    FROM (
        SELECT c.id, c.display
        FROM contact_group_member AS m
        JOIN contact AS c ON c.owner_id = in_owner AND c.id = m.contact_id AND c.deleted_at IS NULL
        WHERE m.owner_id = in_owner AND m.group_id = v_id
        ORDER BY c.display, c.id
        LIMIT v_skip, in_size
    ) AS f
    JOIN contact_card AS k ON k.owner_id = in_owner AND k.id = f.id
    ORDER BY f.display, f.id;
END$$
DELIMITER ;
