-- conference_vacate: end the participation of a socket in one room or in all its rooms: conference_drop when
-- it leaves or is taken out, socket_expire when it was lost.
--
-- A user who leaves, or is taken out, loses the grant of an invitation. A user who was lost keeps it while
-- the room lives, and may come in again.
--
-- When the last host leaves, conference_host finds another one. An empty room ends, with the calls that still
-- ring into it (call_expire finds them at once) and all invitations. The last one inside ends the
-- meeting, its recording and its time, also when others wait at the door.
-- Rooms are locked in the order of their ids, so that two sockets that leave at once never wait for each
-- other in a circle.
--
-- Params:   in_socket   socket that leaves
--           in_room     room, or NULL for all
--           in_lost     1: its connection was lost, and its grace period is over
-- Returns:  for each room that the socket leaves:
--           one row     data  JSON: the former attendee row, serial, host (socket of the new host, or NULL)
--           rows        node, sockets: those who stay; of somebody who only waited, those of
--                       conference_door_sockets
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_vacate('example-socket', NULL, 1);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_vacate(
    IN in_socket VARCHAR(64) COLLATE ascii_bin,
    IN in_room   VARCHAR(64) COLLATE ascii_bin,
    IN in_lost   TINYINT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_attendee LONGTEXT;
    DECLARE v_serial BIGINT UNSIGNED;
    DECLARE v_uid CHAR(16) COLLATE ascii_bin;
    DECLARE v_role, v_status VARCHAR(16) COLLATE ascii_bin;
    DECLARE v_host VARCHAR(32) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    FOR r IN (
        -- unlocked: the rooms are locked before their participants; each is read again below
        SELECT hub_id, room_id
        FROM conference
        WHERE socket_id = in_socket AND (in_room IS NULL OR room_id = in_room)
        ORDER BY hub_id, room_id
    ) DO
        CALL conference_number(r.hub_id, r.room_id, v_serial);

        SET v_attendee = NULL, v_role = NULL, v_status = NULL, v_host = NULL;
        -- unlocked: every writer holds the row of the room, as this call does
        SELECT a.data, c.role, c.status, c.uid INTO v_attendee, v_role, v_status, v_uid
        FROM conference AS c
        JOIN attendee_card AS a ON a.room_id = c.room_id AND a.socket_id = c.socket_id
        WHERE c.room_id = r.room_id AND c.socket_id = in_socket;

        -- another call removed it while this one waited for the room, and has notified the others
        IF v_attendee IS NOT NULL THEN
            CALL webhook_seated(r.hub_id, r.room_id, JSON_ARRAY(in_socket), 'meeting.left');
            DELETE FROM conference WHERE room_id = r.room_id AND socket_id = in_socket;
            CALL call_end(r.hub_id, r.room_id, v_uid, in_socket);
            DELETE FROM permission
            WHERE hub_id = r.hub_id AND resource_id = r.room_id AND entity_id = v_uid
              AND assign_via = 'no_traversal' AND in_lost = 0
              AND NOT EXISTS (SELECT 1 FROM conference WHERE room_id = r.room_id AND uid = v_uid);

            IF v_role = 'host' THEN
                CALL conference_host(r.hub_id, r.room_id, v_host);
            END IF;

            SELECT JSON_INSERT(v_attendee, '$.serial', v_serial, '$.host', v_host) AS data;
            IF v_status = 'waiting' THEN
                CALL conference_door_sockets(r.hub_id, r.room_id, in_socket);
            ELSE
                CALL room_sockets(r.hub_id, r.room_id, in_socket);
            END IF;

            -- a meeting ends when nobody is left inside; some may wait at the door
            IF NOT EXISTS (
                SELECT 1 FROM conference
                WHERE hub_id = r.hub_id AND room_id = r.room_id AND status = 'started'
            ) THEN
                CALL webhook_meeting(r.hub_id, r.room_id, 'meeting.ended');
            END IF;
            IF NOT EXISTS (SELECT 1 FROM conference WHERE hub_id = r.hub_id AND room_id = r.room_id) THEN
                DELETE FROM permission
                WHERE hub_id = r.hub_id AND resource_id = r.room_id AND assign_via = 'no_traversal';
                UPDATE call_invitation SET expiry = 0
                WHERE hub_id = r.hub_id AND room_id = r.room_id AND status = 'ringing';
                DELETE FROM conference_room WHERE hub_id = r.hub_id AND id = r.room_id;
            ELSE
                -- nobody is left inside, only some who wait at the door: it starts anew with the next host
                UPDATE conference_room SET started_at = NULL, recording_since = NULL
                WHERE hub_id = r.hub_id AND id = r.room_id AND started_at IS NOT NULL
                  AND NOT EXISTS (
                    SELECT 1 FROM conference
                    WHERE hub_id = r.hub_id AND room_id = r.room_id AND status = 'started'
                  );
            END IF;
        END IF;
    END FOR;
END$$
DELIMITER ;
