-- channel_notifications: list the team hubs with messages that a member has not read, for the
-- notification center.
--
-- The frontend draws the conversation of a hub only in rows of the area private, and keeps one row for each
-- hub_id.
--
-- Params:   in_reader   member
--           in_hubs     JSON array of hubs of this shard
-- Returns:  rows        data  JSON: category teamchat, area private, hub_id, key_id and entity_id (the hub),
--                       cnt (100: or more), ctime (of the newest message), surname and fullname (name of the
--                       hub); the newest first
-- Errors:   none
-- Example:  CALL channel_notifications('00000000000000a1', '["00000000000000f1"]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE channel_notifications(
    IN in_reader CHAR(16) COLLATE ascii_bin,
    IN in_hubs   LONGTEXT
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT(
        'category', 'teamchat', 'area', 'private', 'hub_id', u.hub_id, 'key_id', u.hub_id,
        'entity_id', u.hub_id, 'cnt', u.cnt + 0, 'ctime', u.ctime, 'surname', h.name, 'fullname', h.name
    ) AS data
    FROM (
        SELECT j.hub_id, channel_unread(j.hub_id, in_reader) AS cnt, (
            SELECT MAX(m.ctime) FROM message AS m WHERE m.owner_id = j.hub_id AND m.peer_id = j.hub_id
        ) AS ctime
        FROM JSON_TABLE(in_hubs, '$[*]' COLUMNS (hub_id CHAR(16) COLLATE ascii_bin PATH '$')) AS j
        WHERE yp.hub_level(j.hub_id, in_reader) >= 2
    ) AS u
    JOIN yp.hub AS h ON h.id = u.hub_id
    WHERE u.cnt > 0
    ORDER BY u.ctime DESC, u.hub_id;
END$$
DELIMITER ;
