-- conference_ban_add: ban participants from a room until it ends: users by their id, guests by their session.
--
-- Params:   in_hub        hub of the room
--           in_room       room, locked by the caller (conference_command)
--           in_sockets    JSON array of their sockets
--           out_sockets   JSON array of all sockets that the bans concern
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_ban_add('00000000000000f1', '00000000000000f2', '[]', @sockets);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_ban_add(
    IN in_hub       CHAR(16) COLLATE ascii_bin,
    IN in_room      VARCHAR(64) COLLATE ascii_bin,
    IN in_sockets   LONGTEXT COLLATE utf8mb4_bin,
    OUT out_sockets LONGTEXT COLLATE utf8mb4_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT IGNORE INTO conference_ban (hub_id, room_id, who, ctime)
    SELECT DISTINCT in_hub, in_room, IF(d.id IS NULL, s.session_id, s.uid), UNIX_TIMESTAMP()
    FROM JSON_TABLE(in_sockets, '$[*]' COLUMNS (id VARCHAR(32) COLLATE ascii_bin PATH '$')) AS j
    JOIN socket AS s ON s.id = j.id
    LEFT JOIN drumate AS d ON d.id = s.uid;

    -- unlocked: every writer holds the row of the room, as the caller does
    SELECT COALESCE(JSON_ARRAYAGG(c.socket_id), '[]') INTO out_sockets
    FROM conference AS c
    JOIN socket AS s ON s.id = c.socket_id
    JOIN conference_ban AS b ON b.hub_id = c.hub_id AND b.room_id = c.room_id
      AND b.who IN (c.uid, s.session_id)
    WHERE c.hub_id = in_hub AND c.room_id = in_room;
END$$
DELIMITER ;
