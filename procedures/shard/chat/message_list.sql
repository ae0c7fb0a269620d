-- message_list: list a page of a private conversation, newest first.
--
-- Params:   in_owner   owner of the copy
--           in_peer    uid, email, or the owner's contact id of the other side
--           in_page    1 is the first
--           in_size    rows a page
-- Returns:  rows       data  JSON (message_card) and page
-- Errors:   none
-- Example:  CALL message_list('00000000000000a1', '00000000000000b1', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE message_list(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_peer  VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_page  INT UNSIGNED,
    IN in_size  INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_skip BIGINT UNSIGNED DEFAULT (in_page - 1) * in_size;
    DECLARE v_peer CHAR(16) COLLATE ascii_bin DEFAULT chat_peer(in_owner, in_peer);

    SELECT JSON_INSERT(k.data, '$.page', in_page + 0) AS data
    FROM (
        SELECT message_id, ctime
        FROM message FORCE INDEX (by_time)
        WHERE owner_id = in_owner AND peer_id = v_peer
        ORDER BY ctime DESC, message_id DESC
        LIMIT v_skip, in_size
    ) AS m
    JOIN message_card AS k ON k.owner_id = in_owner AND k.peer_id = v_peer AND k.message_id = m.message_id
    ORDER BY m.ctime DESC, m.message_id DESC;
END$$
DELIMITER ;
