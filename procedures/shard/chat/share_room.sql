-- share_room: show a team hub as lists of conversations show it. Its messages are in the shard of the hub:
-- channel_summaries shows them.
-- See docs/frontend-contract.md#private-conversation.
--
-- Params:   in_owner     owner of the list
--           in_hub       team hub
--           in_page      page that the row is on
-- Returns:  a value      JSON with the keys of chat_room, and home_id, area, privilege; NULL: no such hub
-- Errors:   none
-- Example:  SELECT share_room('00000000000000a1', '00000000000000f1', 1);
DELIMITER $$
CREATE OR REPLACE FUNCTION share_room(
    in_owner CHAR(16) COLLATE ascii_bin,
    in_hub   CHAR(16) COLLATE ascii_bin,
    in_page  INT UNSIGNED
)
    RETURNS LONGTEXT
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    RETURN (
        SELECT JSON_OBJECT(
            'id', h.id, 'entity_id', h.id, 'hub_id', h.id, 'drumate_id', NULL, 'contact_id', NULL,
            'firstname', '', 'lastname', '', 'surname', h.name, 'display', h.name, 'flag', 'share',
            'status', 'active', 'online', 0, 'is_blocked', 0, 'is_blocked_me', 0, 'is_archived', 0,
            'room_count', 0, 'message_id', NULL, 'author_id', NULL, 'message', '', 'message_type', NULL,
            'metadata', '{}', 'ctime', NULL, 'is_attachment', 0, 'page', in_page + 0,
            'home_id', e.home_id, 'area', e.area,
            'privilege', ELT(COALESCE(p.level, 0) + 1, 0, 1, 3, 3, 7, 15, 31, 63) + 0
        )
        FROM yp.hub AS h
        JOIN yp.entity AS e ON e.id = h.id
        LEFT JOIN yp.permission AS p ON p.hub_id = h.id AND p.resource_id = '*' AND p.entity_id = in_owner
        WHERE h.id = in_hub
    );
END$$
DELIMITER ;
