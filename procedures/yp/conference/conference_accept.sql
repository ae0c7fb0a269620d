-- conference_accept: accept a call with one socket of the callee. The caller and the other sockets of the
-- callee are notified; not the caller of a call that the callee has entered already, because conference_join
-- has notified them.
--
-- Params:   in_sid       session of the callee; the socket must be bound to it
--           in_socket    socket that accepts
--           in_room      room of the call, or NULL
--           in_caller    socket of the caller, from the invitation, or NULL
-- Returns:  one row       data  JSON: uid, socket_id, room_id, hub_id
--           rows          node, sockets: socket of the caller, other sockets of the callee
--           nothing when the call rings no more: it was cancelled, revoked, declined or missed
-- Errors:   WEAK_PRIVILEGE   a foreign socket, or neither an invitation nor a room in common
-- Needs:    a transaction
-- Example:  CALL conference_accept('example-sid', 'example-socket', '00000000000000f2', 'example-caller');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_accept(
    IN in_sid    VARCHAR(128) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_caller VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_uid, v_hub CHAR(16) COLLATE ascii_bin;
    DECLARE v_room VARCHAR(64) COLLATE ascii_bin;
    DECLARE v_caller VARCHAR(32) COLLATE ascii_bin;
    DECLARE v_status VARCHAR(16) COLLATE ascii_bin;
    DECLARE v_notified TINYINT DEFAULT 0;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT uid INTO v_uid FROM socket WHERE id = in_socket AND session_id = SHA2(in_sid, 256);

    SELECT hub_id, room_id, caller_socket, IF(status = 'ringing' AND expiry <= v_now, 'missed', status)
    INTO v_hub, v_room, v_caller, v_status
    FROM call_invitation
    WHERE callee_id = v_uid AND (room_id = in_room OR (in_room IS NULL AND caller_socket = in_caller))
    ORDER BY ctime DESC
    LIMIT 1
    FOR UPDATE;

    SET v_notified = v_status = 'accepted' AND EXISTS (
        SELECT 1 FROM conference_room WHERE hub_id = v_hub AND id = v_room AND type = 'connect'
    );

    IF v_room IS NULL THEN
        SELECT inviter.hub_id, inviter.room_id, inviter.socket_id, 'accepted'
        INTO v_hub, v_room, v_caller, v_status
        FROM conference AS own
        JOIN conference AS inviter ON inviter.hub_id = own.hub_id AND inviter.room_id = own.room_id
        WHERE own.socket_id = in_socket AND own.uid = v_uid AND inviter.socket_id = in_caller
          AND own.room_id = COALESCE(in_room, own.room_id)
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
            SELECT s.id, s.node FROM socket AS s
            WHERE s.id = v_caller AND s.state <> 'lost' AND NOT v_notified
        ) AS r
        WHERE r.id <> in_socket
        GROUP BY r.node;
    END IF;
END$$
DELIMITER ;
