-- conference_unseat: end the participation of a socket in a room.
--
-- A user who leaves, or is taken out, loses the grant of an invitation. A user who was lost keeps it while
-- the room lives, and may come in again.
--
-- When the last host leaves, conference_host finds another one. An empty room ends, with the calls that still
-- ring into it (call_expire finds them at once) and all invitations. The last one inside ends the
-- meeting, its recording and its time, also when others wait at the door.
--
-- Params:   in_hub      hub of the room
--           in_room     room
--           in_socket   socket that leaves
--           in_lost     1: its connection was lost, and its grace period is over
--           out_left    number of those who are inside afterwards
-- Returns:  one row     data  JSON: the former attendee row, serial, host (socket of the new host, or NULL)
--           rows        node, sockets: those who stay; of somebody who only waited, those of
--                       conference_door_sockets
--           nothing when the socket is not in the room
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_unseat('00000000000000f1', '00000000000000f2', 'example-socket', 0, @left);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_unseat(
    IN in_hub    CHAR(16) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_lost   TINYINT,
    OUT out_left INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_attendee LONGTEXT;
    DECLARE v_serial BIGINT UNSIGNED;
    DECLARE v_uid, v_owner CHAR(16) COLLATE ascii_bin;
    DECLARE v_role, v_status VARCHAR(16) COLLATE ascii_bin;
    DECLARE v_host VARCHAR(32) COLLATE ascii_bin;
    DECLARE v_people, v_own, v_has_webhook, v_has_calls INT UNSIGNED DEFAULT 0;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SET out_left = 0;
    CALL conference_number(in_hub, in_room, v_serial);

    -- unlocked: every writer holds the row of the room, as this call does
    SELECT a.data, c.role, c.status, c.uid, COALESCE(h.owner_id, c.hub_id)
    INTO v_attendee, v_role, v_status, v_uid, v_owner
    FROM conference AS c
    JOIN attendee_card AS a ON a.room_id = c.room_id AND a.socket_id = c.socket_id
    LEFT JOIN hub AS h ON h.id = c.hub_id
    WHERE c.room_id = in_room AND c.socket_id = in_socket AND c.hub_id = in_hub;

    -- another call removed it while this one waited for the room, and has notified the others
    IF v_attendee IS NOT NULL THEN
        -- Most users have no webhook, and most meetings no calls: what concerns these is not even asked for.
        SET v_has_webhook = EXISTS (SELECT 1 FROM webhook);
        IF v_has_webhook THEN
            SELECT COUNT(*) INTO v_has_webhook FROM webhook WHERE uid IN (v_uid, v_owner, '');
        END IF;
        -- unlocked: the row of the room is locked
        SELECT COUNT(*) INTO v_has_calls FROM call_invitation WHERE hub_id = in_hub AND room_id = in_room;
        IF v_has_webhook THEN
            CALL webhook_seated(in_hub, in_room, JSON_ARRAY(in_socket), 'meeting.left');
        END IF;

        DELETE FROM conference WHERE room_id = in_room AND socket_id = in_socket;
        IF v_has_calls THEN
            CALL call_end(in_hub, in_room, v_uid, in_socket);
        END IF;
        -- unlocked: the same
        SELECT COUNT(*), COALESCE(SUM(status = 'started'), 0), COALESCE(SUM(uid = v_uid), 0)
        INTO v_people, out_left, v_own
        FROM conference FORCE INDEX (by_room)
        WHERE hub_id = in_hub AND room_id = in_room;
        IF v_own = 0 AND in_lost = 0 THEN
            DELETE FROM permission
            WHERE hub_id = in_hub AND resource_id = in_room AND entity_id = v_uid
              AND assign_via = 'no_traversal';
        END IF;
        IF v_role = 'host' AND v_people > 0 THEN
            CALL conference_host(in_hub, in_room, v_host);
            -- the new host need not wait at the door
            SET out_left = GREATEST(out_left, v_host IS NOT NULL);
        END IF;

        SELECT JSON_INSERT(v_attendee, '$.serial', v_serial, '$.host', v_host) AS data;
        IF v_status = 'waiting' THEN
            CALL conference_door_sockets(in_hub, in_room, in_socket);
        ELSEIF out_left = 0 THEN
            SELECT '' AS node, '' AS sockets FROM DUAL WHERE FALSE;
        ELSE
            CALL room_sockets(in_hub, in_room, in_socket);
        END IF;

        -- a meeting ends when nobody is left inside; some may wait at the door
        IF out_left = 0 AND v_has_webhook THEN
            CALL webhook_meeting(in_hub, in_room, 'meeting.ended');
        END IF;
        IF v_people = 0 THEN
            DELETE FROM permission
            WHERE hub_id = in_hub AND resource_id = in_room AND assign_via = 'no_traversal';
            IF v_has_calls THEN
                UPDATE call_invitation SET expiry = 0
                WHERE hub_id = in_hub AND room_id = in_room AND status = 'ringing';
            END IF;
            DELETE FROM conference_room WHERE hub_id = in_hub AND id = in_room;
        ELSEIF out_left = 0 THEN
            -- only some who wait at the door are left: it starts anew with the next host
            UPDATE conference_room SET started_at = NULL, recording_since = NULL
            WHERE hub_id = in_hub AND id = in_room AND started_at IS NOT NULL;
        END IF;
    END IF;
END$$
DELIMITER ;
