-- conference_accept: the callee picks up with one of his sockets; the caller, and his own other sockets, are told.
--
-- Params:   in_sid       session of the callee; the socket must be bound to it
--           in_socket    socket that picks up
--           in_room      room he is called into, or NULL
--           in_caller    socket that calls, as the invitation named it, or NULL
-- Returns:  when the call is on: one row   data  JSON: uid, socket_id, room_id, hub_id
--                                rows      node, sockets: the caller's socket and the callee's others
--           else nothing: it was cancelled, revoked, declined or missed before
-- Errors:   WEAK_PRIVILEGE   foreign socket, or neither an invitation nor a room links the two
-- Example:  CALL conference_accept('example-sid', 'example-socket', '00000000000000f2', 'example-caller');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_accept(
    IN in_sid    VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_socket VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_room   VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_caller VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_uid, v_hub CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_room VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_caller VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_status VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin;

    SELECT uid INTO v_uid FROM socket WHERE id = in_socket AND session_id = SHA2(in_sid, 256);

    SELECT hub_id, room_id, caller_socket, IF(status = 'ringing' AND expiry <= v_now, 'missed', status)
    INTO v_hub, v_room, v_caller, v_status
    FROM call_invitation
    WHERE callee_id = v_uid AND (room_id = in_room OR (in_room IS NULL AND caller_socket = in_caller))
    ORDER BY ctime DESC
    LIMIT 1
    FOR UPDATE;

    IF v_room IS NULL THEN
        SELECT his.hub_id, his.room_id, his.socket_id, 'accepted' INTO v_hub, v_room, v_caller, v_status
        FROM conference AS mine
        JOIN conference AS his ON his.hub_id = mine.hub_id AND his.room_id = mine.room_id
        WHERE mine.socket_id = in_socket AND mine.uid = v_uid AND his.socket_id = in_caller
          AND mine.room_id = COALESCE(in_room, mine.room_id)
        LIMIT 1;
    END IF;

    IF v_room IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'WEAK_PRIVILEGE';
    END IF;

    IF v_status IN ('ringing', 'accepted') THEN
        UPDATE call_invitation SET status = 'accepted', mtime = v_now
        WHERE hub_id = v_hub AND room_id = v_room AND callee_id = v_uid AND status = 'ringing';

        SELECT JSON_OBJECT('uid', v_uid, 'socket_id', in_socket, 'room_id', v_room, 'hub_id', v_hub) AS data;
        SELECT r.node, JSON_ARRAYAGG(r.id) AS sockets
        FROM (
            SELECT s.id, s.node FROM socket AS s WHERE s.uid = v_uid AND s.state = 'active'
            UNION
            SELECT s.id, s.node FROM socket AS s WHERE s.id = v_caller AND s.state <> 'lost'
        ) AS r
        WHERE r.id <> in_socket
        GROUP BY r.node;
    END IF;
END$$
DELIMITER ;
