-- conference_revoke: withdraw an invitation, or take a participant out. A second call does nothing.
--
-- Params:   in_sid      session of the caller; the socket must be bound to it
--           in_socket   socket of the caller
--           in_hub      hub of the room
--           in_room     room, or NULL: the newest one the user was invited into
--           in_guest    uid of the user
-- Returns:  the two sets of conference_drop for each participation of the user that ends
--           one row     data  JSON: room_id, hub_id, caller_id (socket), uid (of the caller), callee_id, db
--                       (shard of the callee), meeting (JSON array of node and sockets that were in a
--                       meeting)
--           rows        node, sockets: of the user; and the socket that rang, when the caller revokes on
--                       another device and nobody else is in the call
--           nothing when the user neither rang nor was in the room
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
    DECLARE v_room VARCHAR(64) COLLATE ascii_bin DEFAULT in_room;
    DECLARE v_caller_socket VARCHAR(32) COLLATE ascii_bin;
    DECLARE v_meeting LONGTEXT DEFAULT '[]';
    DECLARE v_calls LONGTEXT;
    DECLARE v_serial BIGINT UNSIGNED;
    DECLARE v_ended INT DEFAULT 0;
    DECLARE v_inside TINYINT DEFAULT 0;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT uid INTO v_uid FROM socket WHERE id = in_socket AND session_id = SHA2(in_sid, 256);
    IF v_uid IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'WEAK_PRIVILEGE';
    END IF;

    -- unlocked: the pair and the room are locked before the row; its state is read below
    SELECT room_id, callee_id, caller_id INTO v_room, v_guest, v_caller
    FROM call_invitation
    WHERE hub_id = in_hub AND callee_id = in_guest AND room_id = COALESCE(in_room, room_id)
    ORDER BY status = 'ringing' DESC, ctime DESC
    LIMIT 1;
    IF v_guest IS NOT NULL THEN
        CALL contact_pair_lock(v_uid, v_guest, NULL);
    END IF;
    CALL conference_number(in_hub, v_room, v_serial);

    -- unlocked: every writer holds the row of the room, as this call does
    SET v_inside = EXISTS (
        SELECT 1 FROM conference WHERE hub_id = in_hub AND room_id = v_room AND uid = in_guest
    );
    SET v_meeting = (
        SELECT COALESCE(JSON_ARRAYAGG(JSON_ARRAY(x.node, x.sockets)), '[]')
        FROM (
            SELECT s.node, JSON_ARRAYAGG(s.id) AS sockets
            FROM conference AS c
            JOIN socket_route AS s ON s.id = c.socket_id
            WHERE c.hub_id = in_hub AND c.room_id = v_room AND c.uid = in_guest AND c.type = 'meeting'
            GROUP BY s.node
        ) AS x
    );

    -- unlocked: the same
    SET v_caller_socket = (
        SELECT caller_socket FROM call_invitation
        WHERE hub_id = in_hub AND room_id = v_room AND callee_id = in_guest AND status = 'ringing'
          AND caller_socket <> in_socket AND call_is_lonely(in_hub, v_room, caller_id)
    );
    CALL webhook_calls_before(in_hub, v_room, v_calls);
    UPDATE call_invitation SET status = 'revoked', mtime = UNIX_TIMESTAMP()
    WHERE hub_id = in_hub AND room_id = v_room AND callee_id = in_guest
      AND (status = 'ringing' OR (status = 'accepted' AND v_inside));
    SET v_ended = ROW_COUNT();
    CALL webhook_calls_after(in_hub, v_room, v_calls);

    IF v_ended > 0 OR v_inside THEN
        DELETE FROM permission
        WHERE hub_id = in_hub AND resource_id = v_room AND entity_id = in_guest
          AND assign_via = 'no_traversal';

        FOR r IN (
            SELECT socket_id FROM conference WHERE hub_id = in_hub AND room_id = v_room AND uid = in_guest
        ) DO
            CALL conference_drop(r.socket_id, v_room);
        END FOR;

        SELECT JSON_OBJECT(
            'room_id', v_room, 'hub_id', in_hub, 'caller_id', in_socket, 'uid', COALESCE(v_caller, v_uid),
            'callee_id', in_guest, 'db', (SELECT db_name FROM entity WHERE id = in_guest),
            'meeting', JSON_COMPACT(v_meeting)
        ) AS data;
        CALL call_sockets(in_hub, v_room, in_guest, v_caller_socket, NULL);
    END IF;
END$$
DELIMITER ;
