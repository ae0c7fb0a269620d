-- conference_close: end a room for everybody who is in it, waits at its door, or is called into it.
--
-- Params:   in_hub      hub of the room
--           in_room     room, locked by the caller (conference_number)
--           in_socket   socket of who ends it, or NULL; it is not notified
-- Returns:  rows        node, sockets: to be notified
--           rows        data  JSON: attendee row of each former participant, and db (shard of the user)
--           rows        none: nobody is left who could hear that somebody leaves
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_close('00000000000000f1', '00000000000000f2', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_close(
    IN in_hub    CHAR(16) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_calls, v_seats LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT r.node, JSON_ARRAYAGG(r.id) AS sockets
    FROM (
        SELECT s.id, s.node
        FROM call_invitation AS i
        JOIN socket_route AS s ON s.uid = i.callee_id AND s.state <> 'idle'
        WHERE i.hub_id = in_hub AND i.room_id = in_room AND i.status = 'ringing'
          -- the frontend would close another call
          AND NOT EXISTS (
            SELECT 1 FROM conference AS o
            WHERE o.socket_id = s.id AND o.type = 'connect' AND (o.hub_id <> in_hub OR o.room_id <> in_room)
          )
        UNION
        SELECT s.id, s.node
        FROM conference AS c
        JOIN socket_route AS s ON s.id = c.socket_id
        WHERE c.hub_id = in_hub AND c.room_id = in_room
    ) AS r
    WHERE r.id <> COALESCE(in_socket, '')
    GROUP BY r.node;

    -- unlocked: every writer holds the row of the room, as the caller does
    SELECT JSON_INSERT(a.data, '$.db', e.db_name) AS data
    FROM attendee_card AS a
    LEFT JOIN entity AS e ON e.id = a.uid
    WHERE a.hub_id = in_hub AND a.room_id = in_room;
    SELECT NULL AS node, NULL AS sockets FROM (SELECT 1) AS nobody WHERE FALSE;

    CALL webhook_calls_before(in_hub, in_room, v_calls);
    UPDATE call_invitation SET status = 'cancelled', mtime = UNIX_TIMESTAMP()
    WHERE hub_id = in_hub AND room_id = in_room AND status = 'ringing';
    CALL webhook_calls_after(in_hub, in_room, v_calls);
    DELETE FROM permission WHERE hub_id = in_hub AND resource_id = in_room AND assign_via = 'no_traversal';
    CALL call_end(in_hub, in_room, NULL, NULL);
    -- unlocked: the same
    SELECT JSON_ARRAYAGG(socket_id) INTO v_seats
    FROM conference WHERE hub_id = in_hub AND room_id = in_room;
    CALL webhook_seated(in_hub, in_room, v_seats, 'meeting.left');
    CALL webhook_meeting(in_hub, in_room, 'meeting.ended');
    DELETE FROM conference WHERE hub_id = in_hub AND room_id = in_room;
    DELETE FROM conference_room WHERE hub_id = in_hub AND id = in_room;
END$$
DELIMITER ;
