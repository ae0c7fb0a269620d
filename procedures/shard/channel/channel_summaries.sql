-- channel_summaries: show the conversations of team hubs as lists of conversations show them: the newest
-- message that the member sees, and the number of those that the member has not read.
--
-- Params:   in_reader   member
--           in_hubs     JSON array of hubs of this shard
-- Returns:  rows        data  JSON: hub_id, room_count (100: or more), message_id, author_id, message,
--                       message_type, metadata (JSON text), ctime, is_attachment; none for a hub without
--                       messages, and for one that the member may not read
-- Errors:   none
-- Example:  CALL channel_summaries('00000000000000a1', '["00000000000000f1"]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE channel_summaries(
    IN in_reader CHAR(16) COLLATE ascii_bin,
    IN in_hubs   LONGTEXT
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT(
        'hub_id', k.owner_id, 'room_count', channel_unread(k.owner_id, in_reader) + 0,
        'message_id', k.message_id, 'author_id', k.author_id,
        'message', JSON_VALUE(k.data, '$.message'), 'message_type', JSON_VALUE(k.data, '$.message_type'),
        'metadata', JSON_VALUE(k.data, '$.metadata'), 'ctime', k.ctime,
        'is_attachment', JSON_EXTRACT(k.data, '$.is_attachment')
    ) AS data
    FROM (
        SELECT j.hub_id, (
            SELECT m.message_id
            FROM message AS m FORCE INDEX (by_time)
            WHERE m.owner_id = j.hub_id AND m.peer_id = j.hub_id AND NOT EXISTS (
                SELECT 1 FROM channel_hidden AS h
                WHERE h.owner_id = j.hub_id AND h.uid = in_reader AND h.message_id = m.message_id
            )
            ORDER BY m.ctime DESC, m.message_id DESC
            LIMIT 1
        ) AS message_id
        FROM JSON_TABLE(in_hubs, '$[*]' COLUMNS (hub_id CHAR(16) COLLATE ascii_bin PATH '$')) AS j
        WHERE yp.hub_level(j.hub_id, in_reader) >= 2
    ) AS n
    JOIN message_card AS k
        ON k.owner_id = n.hub_id AND k.peer_id = n.hub_id AND k.message_id = n.message_id;
END$$
DELIMITER ;
