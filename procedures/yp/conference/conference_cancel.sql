-- conference_cancel: cancel a room, as its caller or host. Cancelling again does nothing.
--
-- Only users whom the room still rings, and those who are in it, are notified, because a client closes any
-- call that it has open.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket of the caller
--           in_hub      hub of the room
--           in_room     room
-- Returns:  rows        node, sockets: to be notified
--           when the caller was in the room: both sets of conference_drop
--           nothing when the caller may not cancel the room
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
    DECLARE v_lock VARCHAR(64) COLLATE ascii_bin;
    DECLARE v_hosts, v_calls TINYINT DEFAULT 0;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT uid INTO v_uid FROM socket WHERE id = in_socket AND session_id = SHA2(in_sid, 256);
    SELECT id INTO v_lock FROM conference_room WHERE hub_id = in_hub AND id = in_room FOR UPDATE;

    SET v_hosts = EXISTS (
        SELECT 1 FROM conference
        WHERE hub_id = in_hub AND room_id = in_room AND socket_id = in_socket AND uid = v_uid
          AND role = 'host'
    );
    SET v_calls = EXISTS (
        SELECT 1 FROM call_invitation WHERE hub_id = in_hub AND room_id = in_room AND caller_id = v_uid
    );

    IF v_hosts OR v_calls THEN
        SELECT r.node, JSON_ARRAYAGG(r.id) AS sockets
        FROM (
            SELECT s.id, s.node
            FROM call_invitation AS i
            JOIN socket AS s ON s.uid = i.callee_id AND s.state = 'active'
            WHERE i.hub_id = in_hub AND i.room_id = in_room AND i.status = 'ringing'
              AND (v_hosts OR i.caller_id = v_uid)
            UNION
            SELECT s.id, s.node
            FROM conference AS c
            JOIN socket AS s ON s.id = c.socket_id AND s.state <> 'lost'
            WHERE c.hub_id = in_hub AND c.room_id = in_room AND v_hosts
        ) AS r
        WHERE r.id <> in_socket
        GROUP BY r.node;

        DELETE p
        FROM permission AS p
        JOIN call_invitation AS i ON i.hub_id = p.hub_id AND i.room_id = p.resource_id
          AND i.callee_id = p.entity_id
        WHERE i.hub_id = in_hub AND i.room_id = in_room AND p.assign_via = 'no_traversal'
          AND (v_hosts OR (i.caller_id = v_uid AND i.status = 'ringing'));
        UPDATE call_invitation SET status = 'cancelled', mtime = UNIX_TIMESTAMP()
        WHERE hub_id = in_hub AND room_id = in_room AND status = 'ringing' AND (v_hosts OR caller_id = v_uid);

        CALL conference_drop(in_socket, in_room);
    END IF;
END$$
DELIMITER ;
