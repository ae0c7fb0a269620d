-- conference_cancel: cancel a room, as its caller or host. Cancelling again does nothing.
--
-- A host ends the room for everybody, and so does another device of a caller who is alone in a call that
-- rings. A caller who is not the host ends their own calls into it, and leaves.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket of the caller
--           in_hub      hub of the room
--           in_room     room
-- Returns:  rows        node, sockets: to be notified
--           when the room ends: the other two sets of conference_close
--           by a caller who was in the room: both sets of conference_drop
--           nothing when the caller has nothing to cancel there
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_cancel('example-sid', 'example-socket', '00000000000000f1', '00000000000000f2');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_cancel(
    IN in_sid    VARCHAR(128) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_hub    VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_uid CHAR(16) COLLATE ascii_bin;
    DECLARE v_serial BIGINT UNSIGNED;
    DECLARE v_calls LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT uid INTO v_uid FROM socket WHERE id = in_socket AND session_id = SHA2(in_sid, 256);
    CALL conference_number(in_hub, in_room, v_serial);

    -- unlocked: every writer holds the row of the room, as this call does
    IF EXISTS (
        SELECT 1 FROM conference
        WHERE hub_id = in_hub AND room_id = in_room AND socket_id = in_socket AND uid = v_uid
          AND role = 'host'
    ) OR call_is_lonely(in_hub, in_room, v_uid) THEN
        CALL conference_close(in_hub, in_room, in_socket);
    ELSEIF EXISTS (
        SELECT 1 FROM call_invitation AS i
        WHERE i.hub_id = in_hub AND i.room_id = in_room AND i.caller_id = v_uid
          AND (i.status = 'ringing' OR EXISTS (
            SELECT 1 FROM conference AS c
            WHERE c.hub_id = in_hub AND c.room_id = in_room AND c.socket_id = in_socket AND c.uid = v_uid
          ))
    ) THEN
        SELECT s.node, JSON_ARRAYAGG(s.id) AS sockets
        FROM call_invitation AS i
        JOIN socket_route AS s ON s.uid = i.callee_id AND s.state <> 'idle'
        WHERE i.hub_id = in_hub AND i.room_id = in_room AND i.status = 'ringing' AND i.caller_id = v_uid
          AND s.id <> in_socket
          -- the frontend would close another call
          AND NOT EXISTS (
            SELECT 1 FROM conference AS o
            WHERE o.socket_id = s.id AND o.type = 'connect' AND (o.hub_id <> in_hub OR o.room_id <> in_room)
          )
        GROUP BY s.node;

        DELETE p
        FROM permission AS p
        JOIN call_invitation AS i ON i.hub_id = p.hub_id AND i.room_id = p.resource_id
          AND i.callee_id = p.entity_id
        WHERE i.hub_id = in_hub AND i.room_id = in_room AND p.assign_via = 'no_traversal'
          AND i.caller_id = v_uid AND i.status = 'ringing';
        CALL webhook_calls_before(in_hub, in_room, v_calls);
        UPDATE call_invitation SET status = 'cancelled', mtime = UNIX_TIMESTAMP()
        WHERE hub_id = in_hub AND room_id = in_room AND status = 'ringing' AND caller_id = v_uid;
        CALL webhook_calls_after(in_hub, in_room, v_calls);

        CALL conference_drop(in_socket, in_room);
    END IF;
END$$
DELIMITER ;
