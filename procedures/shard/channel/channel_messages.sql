-- channel_messages: list a page of the conversation of a hub, newest first.
--
-- Messages that the reader has deleted for themselves are left out.
--
-- Params:   in_hub      hub
--           in_reader   member
--           in_page     1 is the first
--           in_size     rows a page
-- Returns:  rows        data  JSON (message_card), hub_id and page; is_readed: the reader has read it;
--                       is_seen: another member has read it
-- Errors:   NOT_A_MEMBER   the reader may not read the whole hub
-- Example:  CALL channel_messages('00000000000000f1', '00000000000000a1', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE channel_messages(
    IN in_hub    CHAR(16) COLLATE ascii_bin,
    IN in_reader CHAR(16) COLLATE ascii_bin,
    IN in_page   INT UNSIGNED,
    IN in_size   INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_skip BIGINT UNSIGNED DEFAULT (in_page - 1) * in_size;
    DECLARE v_read INT UNSIGNED DEFAULT COALESCE(
        (SELECT read_until FROM channel_reader WHERE owner_id = in_hub AND uid = in_reader), 0);

    CALL channel_admit(in_hub, in_reader);
    SELECT JSON_SET(
        k.data, '$.hub_id', in_hub, '$.page', in_page + 0,
        '$.is_readed', IF(k.author_id = in_reader OR k.ctime <= v_read, 1, 0),
        '$.is_seen', IF(EXISTS (
            SELECT 1 FROM channel_reader AS r
            WHERE r.owner_id = in_hub AND r.uid <> k.author_id AND r.read_until >= k.ctime
        ), 1, 0)
    ) AS data
    FROM (
        SELECT m.message_id, m.ctime
        FROM message AS m FORCE INDEX (by_time)
        WHERE m.owner_id = in_hub AND m.peer_id = in_hub AND NOT EXISTS (
            SELECT 1 FROM channel_hidden AS h
            WHERE h.owner_id = in_hub AND h.uid = in_reader AND h.message_id = m.message_id
        )
        ORDER BY m.ctime DESC, m.message_id DESC
        LIMIT v_skip, in_size
    ) AS p
    JOIN message_card AS k ON k.owner_id = in_hub AND k.peer_id = in_hub AND k.message_id = p.message_id
    ORDER BY p.ctime DESC, p.message_id DESC;
END$$
DELIMITER ;
