-- conference_revoke: withdraw one invitation. A user who has entered already is removed. A second call does
-- nothing.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket of the caller
--           in_hub      hub of the room
--           in_room     room, or NULL: the newest one the user was invited into
--           in_guest    uid of the invited user
-- Returns:  the two sets of conference_drop for each room that the user leaves
--           one row     data  JSON: room_id, hub_id, caller_id (socket), uid (of the caller), callee_id,
--                       message_id, caller_db, callee_db
--           rows        node, sockets: of the invited user
--           only one row with room_id when the user neither rang nor was in the room
--           nothing without any invitation
-- Errors:   WEAK_PRIVILEGE   a foreign socket
-- Needs:    a transaction
-- Example:  CALL conference_revoke('example-sid', 'example-socket', '00000000000000f1', NULL,
--           '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_revoke(
    IN in_sid    VARCHAR(128) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_hub    VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_guest  VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_uid, v_caller, v_guest CHAR(16) COLLATE ascii_bin;
    DECLARE v_room, v_lock VARCHAR(64) COLLATE ascii_bin;
    DECLARE v_status VARCHAR(16) COLLATE ascii_bin;
    DECLARE v_inside TINYINT DEFAULT 0;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT uid INTO v_uid FROM socket WHERE id = in_socket AND session_id = SHA2(in_sid, 256);
    IF v_uid IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'WEAK_PRIVILEGE';
    END IF;

    -- unlocked: the pair and the room are locked before the row; it is read again below
    SELECT room_id, callee_id INTO v_room, v_guest
    FROM call_invitation
    WHERE hub_id = in_hub AND callee_id = in_guest AND room_id = COALESCE(in_room, room_id)
    ORDER BY status = 'ringing' DESC, ctime DESC
    LIMIT 1;
    IF v_guest IS NOT NULL THEN
        CALL contact_pair_lock(v_uid, v_guest, NULL);
    END IF;
    SELECT id INTO v_lock FROM conference_room WHERE hub_id = in_hub AND id = v_room FOR UPDATE;
    SELECT status, caller_id INTO v_status, v_caller
    FROM call_invitation
    WHERE hub_id = in_hub AND room_id = v_room AND callee_id = in_guest
    FOR UPDATE;
    SET v_inside = EXISTS (
        SELECT 1 FROM conference WHERE hub_id = in_hub AND room_id = v_room AND uid = in_guest
    );

    IF v_status = 'ringing' OR (v_status = 'accepted' AND v_inside) THEN
        UPDATE call_invitation SET status = 'revoked', mtime = UNIX_TIMESTAMP()
        WHERE hub_id = in_hub AND room_id = v_room AND callee_id = in_guest;
        DELETE FROM permission
        WHERE hub_id = in_hub AND resource_id = v_room AND entity_id = in_guest
          AND assign_via = 'no_traversal';

        FOR r IN (
            SELECT socket_id FROM conference WHERE hub_id = in_hub AND room_id = v_room AND uid = in_guest
        ) DO
            CALL conference_drop(r.socket_id, v_room);
        END FOR;

        SELECT JSON_OBJECT(
            'room_id', v_room, 'hub_id', in_hub, 'caller_id', in_socket, 'uid', v_caller,
            'callee_id', callee.id, 'message_id', call_message_id(v_room, v_caller, callee.id),
            'caller_db', caller.db_name, 'callee_db', callee.db_name
        ) AS data
        FROM entity AS caller
        JOIN entity AS callee ON callee.id = in_guest
        WHERE caller.id = v_caller;
        CALL user_sockets(in_guest, NULL);
    ELSEIF v_room IS NOT NULL THEN
        SELECT JSON_OBJECT('room_id', v_room) AS data;
    END IF;
END$$
DELIMITER ;
