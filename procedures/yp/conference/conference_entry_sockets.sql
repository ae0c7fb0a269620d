-- conference_entry_sockets: list the sockets that are notified when somebody enters a room; who only comes to
-- its door is for conference_door_sockets.
--
-- They are those inside. The other sockets of a user who answers a call stop ringing. When a meeting starts,
-- the members of the hub who are online hear of it once.
--
-- Params:   in_hub      hub of the room
--           in_room     room
--           in_socket   socket that enters
--           in_event    start, join or accept
--           in_opens    1: the room starts with this entry
-- Returns:  rows        node, sockets (JSON array of ids)
-- Errors:   none
-- Example:  CALL conference_entry_sockets('00000000000000f1', '00000000000000f2', 'example-socket',
--           'start', 1);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_entry_sockets(
    IN in_hub    CHAR(16) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_event  VARCHAR(16) COLLATE ascii_bin,
    IN in_opens  TINYINT
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_uid CHAR(16) COLLATE ascii_bin;

    IF in_event = 'accept' THEN
        SELECT uid INTO v_uid FROM socket WHERE id = in_socket;
    END IF;

    -- Repeats socket_route: the optimizer would weigh the indexes of all tables at each call
    IF v_uid IS NOT NULL THEN
        SELECT s.node, JSON_ARRAY(s.id) AS sockets
        FROM conference AS c
        JOIN socket_route AS s ON s.id = c.socket_id
        WHERE c.hub_id = in_hub AND c.room_id = in_room AND c.status = 'started' AND c.socket_id <> in_socket
        UNION ALL
        SELECT s.node, JSON_ARRAY(s.id) AS sockets
        FROM socket_route AS s
        WHERE s.uid = v_uid AND s.state <> 'idle' AND s.id <> in_socket
          -- the frontend would close another call
          AND NOT EXISTS (SELECT 1 FROM conference AS c WHERE c.socket_id = s.id AND c.type = 'connect');
    ELSEIF in_event = 'start' AND in_opens THEN
        SELECT IF(s.state = 'lost', '', s.node) AS node, JSON_ARRAY(s.id) AS sockets
        FROM conference AS c FORCE INDEX (by_room)
        STRAIGHT_JOIN socket AS s FORCE INDEX (PRIMARY) ON s.id = c.socket_id
        WHERE c.hub_id = in_hub AND c.room_id = in_room AND c.status = 'started' AND c.socket_id <> in_socket
        UNION ALL
        SELECT IF(s.state = 'lost', '', s.node) AS node, JSON_ARRAY(s.id) AS sockets
        FROM conference_room AS m FORCE INDEX (PRIMARY)
        STRAIGHT_JOIN permission AS p FORCE INDEX (PRIMARY) ON p.hub_id = m.hub_id
        STRAIGHT_JOIN drumate AS d FORCE INDEX (PRIMARY) ON d.id = p.entity_id
        STRAIGHT_JOIN socket AS s FORCE INDEX (by_uid)
           ON s.uid = p.entity_id AND s.state <> 'idle' AND s.id <> in_socket
        WHERE m.hub_id = in_hub AND m.id = in_room AND m.type = 'meeting'
          AND p.resource_id = '*' AND p.level > 0 AND (p.expiry = 0 OR p.expiry > v_now);
    ELSE
        CALL room_sockets(in_hub, in_room, in_socket);
    END IF;
END$$
DELIMITER ;
