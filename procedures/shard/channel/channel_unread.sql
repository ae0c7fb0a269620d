-- channel_unread: count the messages of a hub that a member has not read.
--
-- Params:   in_hub      hub
--           in_reader   member
-- Returns:  a value     0 to 100, which stands for more as well
-- Errors:   none
-- Example:  SELECT channel_unread('00000000000000f1', '00000000000000a1');
DELIMITER $$
CREATE OR REPLACE FUNCTION channel_unread(
    in_hub    CHAR(16) COLLATE ascii_bin,
    in_reader CHAR(16) COLLATE ascii_bin
)
    RETURNS TINYINT UNSIGNED
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_read INT UNSIGNED DEFAULT COALESCE(
        (SELECT read_until FROM channel_reader WHERE owner_id = in_hub AND uid = in_reader), 0);

    RETURN (
        SELECT COUNT(*)
        FROM (
            SELECT m.message_id
            FROM message AS m FORCE INDEX (by_time)
            WHERE m.owner_id = in_hub AND m.peer_id = in_hub AND m.ctime > v_read
              AND m.author_id <> in_reader
              AND NOT EXISTS (
                SELECT 1 FROM channel_hidden AS h
                WHERE h.owner_id = in_hub AND h.uid = in_reader AND h.message_id = m.message_id
              )
            LIMIT 100
        ) AS u
    );
END$$
DELIMITER ;
