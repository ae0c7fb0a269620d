-- conference_accept: accept a call with one socket of the callee. The caller and the other sockets of the
-- callee are notified, once: nobody is when this socket has answered already, by conference_join or here.
--
-- Params:   in_sid       session of the callee; the socket must be bound to it
--           in_socket    socket that accepts
--           in_room      room of the call, or NULL
--           in_caller    socket of the caller, from the invitation, or NULL
-- Returns:  one row       data  JSON: uid, socket_id, room_id, hub_id
--           rows          node, sockets: socket of the caller, other sockets of the callee
--           nothing when the call rings no more: it was cancelled, revoked, declined or missed
-- Errors:   WEAK_PRIVILEGE       a foreign socket, or neither an invitation nor a room in common
--           ANSWERED_ELSEWHERE   another socket of the callee has picked up
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
    DECLARE v_serial BIGINT UNSIGNED;
    DECLARE v_entered, v_answered, v_notified, v_elsewhere TINYINT DEFAULT 0;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT uid INTO v_uid FROM socket WHERE id = in_socket AND session_id = SHA2(in_sid, 256);

    -- unlocked: the room is locked before the invitation; its state is read below
    SELECT hub_id, room_id INTO v_hub, v_room
    FROM call_invitation
    WHERE callee_id = v_uid AND (room_id = in_room OR (in_room IS NULL AND caller_socket = in_caller))
    ORDER BY ctime DESC
    LIMIT 1;

    IF v_room IS NOT NULL THEN
        CALL conference_number(v_hub, v_room, v_serial);
        CALL call_elsewhere(v_hub, v_room, v_uid, in_socket, v_elsewhere);
        -- unlocked: every writer holds the row of the room, as this call does
        SELECT caller_socket,
               IF(v_serial IS NULL OR (status = 'ringing' AND expiry <= v_now), 'missed', status),
               status = 'accepted' AND answered_socket <=> in_socket
        INTO v_caller, v_status, v_answered
        FROM call_invitation
        WHERE hub_id = v_hub AND room_id = v_room AND callee_id = v_uid;
        SET v_entered = EXISTS (
            SELECT 1 FROM conference WHERE hub_id = v_hub AND room_id = v_room AND socket_id = in_socket
        );
        SET v_notified = (v_entered OR v_answered) AND EXISTS (
            SELECT 1 FROM conference_room WHERE hub_id = v_hub AND id = v_room AND type = 'connect'
        );
    ELSE
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
    IF v_elsewhere AND NOT v_entered THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ANSWERED_ELSEWHERE';
    END IF;

    IF v_status IN ('ringing', 'accepted') THEN
        UPDATE call_invitation SET status = 'accepted', answered_socket = in_socket, mtime = v_now
        WHERE hub_id = v_hub AND room_id = v_room AND callee_id = v_uid AND NOT v_entered;

        SELECT JSON_OBJECT('uid', v_uid, 'socket_id', in_socket, 'room_id', v_room, 'hub_id', v_hub) AS data;
        CALL call_sockets(
            v_hub, v_room, IF(v_notified, NULL, v_uid), IF(v_notified, NULL, v_caller), in_socket
        );
    END IF;
END$$
DELIMITER ;
