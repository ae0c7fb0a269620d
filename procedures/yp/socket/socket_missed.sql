-- socket_missed: list what a page has not heard that has just connected: the calls that ring its user, the
-- guests who wait for its user, and what happened to the calls and seats of its former socket after that
-- one broke.
--
-- The client closes any call window at conference.cancel, revoke, accept and decline. So they are only for a
-- page whose former socket had that very window: the caller's, one that rang, or one with a seat. Times are
-- seconds: what happened in the second of the break is listed, though the former socket may have heard it.
--
-- Params:   in_socket   the new socket
--           in_former   the former socket of the same page, or NULL: a fresh page
-- Returns:  rows        rooms: the rooms of the calls that ring the user now
--           rows        service, data (JSON, the model of that live update), hub, shard (of the hub, for the
--                       details of the room in data; NULL: the data are complete)
-- Errors:   none
-- Example:  CALL socket_missed('example-socket', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE socket_missed(
    IN in_socket VARCHAR(32) COLLATE ascii_bin,
    IN in_former VARCHAR(32) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_uid CHAR(16) COLLATE ascii_bin DEFAULT (SELECT uid FROM socket WHERE id = in_socket);
    DECLARE v_heard, v_lost INT UNSIGNED;
    DECLARE v_rooms LONGTEXT DEFAULT '[]';
    DECLARE v_ringing INT UNSIGNED;

    SELECT heard_at, lost_at, rooms INTO v_heard, v_lost, v_rooms FROM lost_socket WHERE id = in_former;

    -- locked in share mode: a call that has found its recipients before this socket was there, and has not
    -- committed yet, is waited for. Another index would lock the calls of others, too.
    SELECT COUNT(*) INTO v_ringing
    FROM call_invitation FORCE INDEX (by_answer)
    WHERE callee_id = v_uid AND status = 'ringing' LOCK IN SHARE MODE;

    SELECT room_id AS rooms
    FROM call_invitation WHERE callee_id = v_uid AND status = 'ringing' AND expiry > v_now;

    SELECT 'conference.invite' AS service, JSON_SET(
        c.data, '$.room_type', COALESCE(r.type, 'connect'), '$.type', 'conference.invite'
    ) AS data, c.hub_id AS hub, NULL AS shard
    FROM call_card AS c
    LEFT JOIN conference_room AS r ON r.hub_id = c.hub_id AND r.id = c.room_id
    WHERE c.callee_id = v_uid AND c.status = 'ringing' AND c.expiry > v_now
      AND (v_heard IS NULL OR c.ctime >= v_heard)
    UNION ALL
    -- one for each room: a page that shows one of them asks for the others
    SELECT 'conference.join', JSON_SET(a.data, '$.room_type', 'meeting', '$.type', 'conference.join'),
           a.hub_id, e.db_name
    FROM hub AS h
    JOIN entity AS e ON e.id = h.id AND e.area = 'dmz' AND e.status = 'active'
    JOIN attendee_card AS a ON a.hub_id = h.id
    WHERE h.owner_id = v_uid
      AND JSON_VALUE(a.data, '$.status') = 'waiting'
      AND (v_heard IS NULL OR a.ctime >= v_heard)
      AND NOT EXISTS (
        SELECT 1 FROM conference AS o
        WHERE o.hub_id = a.hub_id AND o.room_id = a.room_id
          AND (o.status = 'started' OR (o.ctime, o.socket_id) < (a.ctime, a.socket_id))
      )
    UNION ALL
    -- the caller's window: answered, and the callee is there
    SELECT 'conference.accept', JSON_SET(
        a.data, '$.room_type', 'connect', '$.details', JSON_OBJECT(), '$.active_id', a.socket_id
    ), i.hub_id, NULL
    FROM call_invitation AS i
    JOIN conference AS own ON own.hub_id = i.hub_id AND own.room_id = i.room_id AND own.socket_id = in_socket
    JOIN attendee_card AS a ON a.hub_id = i.hub_id AND a.room_id = i.room_id AND a.uid = i.callee_id
    WHERE i.caller_id = v_uid AND i.mtime >= v_heard AND i.status = 'accepted'
      AND i.caller_socket IN (in_former, in_socket) AND own.type = 'connect'
      AND a.socket_id = COALESCE(i.answered_socket, a.socket_id)
    UNION ALL
    -- the same: not answered; or answered, and gone again
    SELECT 'conference.decline', JSON_SET(
        c.data, '$.uid', i.callee_id, '$.callee_id', i.callee_id, '$.room_type', 'connect',
        '$.type', 'conference.decline', '$.status', IF(i.status = 'missed', 'missed', 'declined')
    ), i.hub_id, NULL
    FROM call_invitation AS i
    JOIN call_card AS c ON c.hub_id = i.hub_id AND c.room_id = i.room_id AND c.callee_id = i.callee_id
    JOIN conference AS own ON own.hub_id = i.hub_id AND own.room_id = i.room_id AND own.socket_id = in_socket
    WHERE i.caller_id = v_uid AND i.mtime >= v_heard
      AND i.caller_socket IN (in_former, in_socket) AND own.type = 'connect'
      AND (i.status IN ('declined', 'missed') OR (i.status = 'accepted' AND NOT EXISTS (
        SELECT 1 FROM conference AS o
        WHERE o.hub_id = i.hub_id AND o.room_id = i.room_id AND o.uid = i.callee_id
      )))
    UNION ALL
    -- a window that rang on this page, and rings no longer
    SELECT CASE
        WHEN i.status = 'cancelled' THEN 'conference.cancel'
        WHEN i.status = 'accepted' AND o.socket_id IS NOT NULL THEN 'conference.accept'
        ELSE 'conference.revoke'
    END, CASE
        WHEN i.status = 'cancelled' THEN JSON_OBJECT(
            'uid', i.caller_id, 'socket_id', i.caller_socket, 'room_id', i.room_id, 'room_type', 'connect',
            'type', 'conference.cancel'
        )
        WHEN i.status = 'accepted' AND o.socket_id IS NOT NULL THEN JSON_OBJECT(
            'uid', v_uid, 'socket_id', o.socket_id, 'active_id', o.socket_id, 'room_id', i.room_id,
            'hub_id', i.hub_id, 'room_type', 'connect', 'type', 'conference.accept'
        )
        ELSE JSON_OBJECT(
            'room_id', i.room_id, 'hub_id', i.hub_id, 'caller_id', i.caller_socket, 'uid', i.caller_id,
            'room_type', 'connect', 'type', 'conference.revoke', 'status', i.status
        )
    END, i.hub_id, NULL
    FROM call_invitation AS i
    LEFT JOIN conference AS o ON o.hub_id = i.hub_id AND o.room_id = i.room_id
      AND o.socket_id = i.answered_socket AND o.uid = v_uid
    WHERE i.callee_id = v_uid AND i.status IN ('accepted', 'declined', 'cancelled', 'revoked', 'missed')
      AND i.mtime >= v_heard AND i.ctime <= v_lost
      AND NOT COALESCE(i.answered_socket, '') IN (in_former, in_socket)
    UNION ALL
    -- a seat that it had, and has no more
    SELECT 'conference.revoke', JSON_OBJECT(
        'room_id', j.room, 'hub_id', j.hub, 'caller_id', NULL, 'uid', v_uid, 'room_type', j.type,
        'type', 'conference.revoke'
    ), j.hub, NULL
    FROM JSON_TABLE(v_rooms, '$[*]' COLUMNS (
        hub CHAR(16) COLLATE ascii_bin PATH '$.hub',
        room VARCHAR(64) COLLATE ascii_bin PATH '$.room',
        type VARCHAR(16) COLLATE ascii_bin PATH '$.type'
    )) AS j
    WHERE NOT EXISTS (
        SELECT 1 FROM conference AS own
        WHERE own.hub_id = j.hub AND own.room_id = j.room AND own.socket_id = in_socket
    );
END$$
DELIMITER ;
