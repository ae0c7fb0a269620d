-- conference_join: enter a room with a socket, as host or attendee. The only routine that decides roles.
--
-- A call that enters or leaves holds the row of the room until the commit, so one of two users who come first
-- at the same moment becomes host. A second join changes only the metadata. Any member who may write starts a
-- meeting in a team (private) or shared area; in a dmz or public area only the owner does, and all others
-- wait. Everybody with a level on the hub or the room may enter, but waits at the door of a room that a host
-- has locked: except for the owner, users who are inside already, and those whom somebody inside calls.
-- Without in_room the caller gets the newest room that has started, never one where users only wait, because
-- anybody could open that one. A room stays a meeting or a call, as it began; the other type is refused. A
-- user who enters answers the call that rings them, and the event of a call says so: their other sockets
-- stop ringing, and of two that pick up at once the second one is refused. A user who joins again takes over
-- the seat of their lost socket (conference_replace). The name of a guest is stored with the session.
--
-- Params:   in_sid        session of the caller; the socket must be bound to it
--           in_socket     socket that enters
--           in_hub        hub of the room
--           in_room       room, or NULL: the newest one of this hub and type that has started, else the hub's
--                         home for a meeting, a new one for a call
--           in_type       meeting or connect (a call between two)
--           in_metadata   JSON: participant_id, audio, video, screen, muted, firstname, lastname; people and
--                         minutes, the limits of a new room (0: none) whose hub has no other ones
--           in_limit      rooms of one socket at most
-- Returns:  one row       data  JSON: entered (1: the socket is new in the room), event (start, join, knock:
--                               the caller waits at the door, or accept: this entry answers a call), serial,
--                               room_id, was (the lost socket whose seat it took over), user (attendee row of
--                               the caller), room (room_card), details (of the hub's home, {} of a call,
--                               NULL: those of the node with the id of the room, in the hub's shard)
--           rows          data  JSON: attendee rows of the others; none for who waits
--           rows          node, sockets: to be notified (conference_entry_sockets, conference_door_sockets)
-- Errors:   WEAK_PRIVILEGE      a foreign socket, that of a visitor, no level, a meeting that has not
--                               started, or a room of the other type
--           BANNED              a host has banned the user, or the session of the guest
--           ANSWERED_ELSEWHERE  another socket of the callee has picked up this call
--           ROOM_FULL           as many as may be are in the room; never for the owner, or who becomes host
--           PARTICIPANT_TAKEN   another participant of the room has this participant_id
--           TOO_MANY_ROOMS      the socket is in in_limit rooms already
-- Needs:    a transaction
-- Example:  CALL conference_join('example-sid', 'example-socket', '00000000000000f1', NULL,
--           'meeting', '{}', 16);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_join(
    IN in_sid      VARCHAR(128) COLLATE ascii_bin,
    IN in_socket   VARCHAR(64) COLLATE ascii_bin,
    IN in_hub      VARCHAR(64) COLLATE ascii_bin,
    IN in_room     VARCHAR(64) COLLATE ascii_bin,
    IN in_type     VARCHAR(16) COLLATE ascii_bin,
    IN in_metadata LONGTEXT,
    IN in_limit    INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_uid, v_owner, v_hub, v_home CHAR(16) COLLATE ascii_bin;
    DECLARE v_room VARCHAR(64) COLLATE ascii_bin DEFAULT in_room;
    DECLARE v_area, v_type, v_role, v_status, v_locked, v_event VARCHAR(16) COLLATE ascii_bin;
    DECLARE v_level, v_entered, v_answers, v_same_hub, v_full TINYINT UNSIGNED DEFAULT 0;
    DECLARE v_is_guest, v_elsewhere, v_opens TINYINT DEFAULT 0;
    DECLARE v_live, v_hosts, v_inside, v_waiting, v_own, v_calls, v_rings INT UNSIGNED DEFAULT 0;
    DECLARE v_people, v_started INT UNSIGNED;
    DECLARE v_name, v_firstname, v_lastname VARCHAR(255);
    DECLARE v_guest VARCHAR(128);
    DECLARE v_settings LONGTEXT COLLATE utf8mb4_bin;
    DECLARE v_was VARCHAR(32) COLLATE ascii_bin;
    DECLARE v_participant VARCHAR(64) COLLATE ascii_bin
        DEFAULT JSON_VALUE(in_metadata, '$.participant_id');
    DECLARE v_ctime INT UNSIGNED;
    DECLARE v_serial BIGINT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- locked in share mode: a socket that closes, or a logout, at the same moment waits and then ends this
    -- participation, too
    SELECT s.uid INTO v_uid
    FROM socket AS s
    WHERE s.id = in_socket AND s.session_id = SHA2(in_sid, 256) AND s.uid <> 'ffffffffffffffff'
    LOCK IN SHARE MODE;

    -- the account must be active; guests have none
    SELECT e.id, e.area, e.home_id, e.ctime, e.settings, COALESCE(h.owner_id, e.id), COALESCE(h.name, ''),
           d.id IS NULL, d.firstname, d.lastname
    INTO v_hub, v_area, v_home, v_ctime, v_settings, v_owner, v_name, v_is_guest, v_firstname, v_lastname
    FROM entity AS e
    LEFT JOIN hub AS h ON h.id = e.id
    LEFT JOIN entity AS a ON a.id = v_uid
    LEFT JOIN drumate AS d ON d.id = v_uid
    WHERE e.id = in_hub AND e.status = 'active' AND COALESCE(a.status, 'active') = 'active';

    IF v_uid IS NULL OR v_hub IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'WEAK_PRIVILEGE';
    END IF;

    IF v_room IS NULL THEN
        -- two callers without a room find, or make, the same one, at two nodes of a cluster, too
        INSERT INTO entity_lock (id) VALUES (v_hub) ON DUPLICATE KEY UPDATE locked = locked + 1;
        SET v_room = COALESCE(
            (
                SELECT r.id
                FROM conference_room AS r
                WHERE r.hub_id = v_hub AND r.type = in_type AND EXISTS (
                    SELECT 1 FROM conference AS c
                    WHERE c.hub_id = r.hub_id AND c.room_id = r.id AND c.status = 'started'
                )
                ORDER BY r.ctime DESC LIMIT 1
            ),
            IF(in_type = 'meeting', v_home, NULL),
            LOWER(HEX(RANDOM_BYTES(8)))
        );
    END IF;

    CALL conference_number(v_hub, v_room, v_serial);
    IF v_serial IS NULL THEN
        -- another socket may make the same room at this moment
        INSERT INTO conference_room (hub_id, id, type, ctime, serial, people, minutes)
        VALUES (
            v_hub, v_room, in_type, v_now, CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS UNSIGNED),
            COALESCE(conference_limit(
                v_settings, 'conference_people', JSON_VALUE(in_metadata, '$.people')
            ), 0),
            COALESCE(conference_limit(
                v_settings, 'conference_minutes', JSON_VALUE(in_metadata, '$.minutes')
            ), 0)
        )
        ON DUPLICATE KEY UPDATE serial = GREATEST(serial + 1, VALUES(serial));
    END IF;
    SELECT serial, type, locked, people, started_at INTO v_serial, v_type, v_locked, v_people, v_started
    FROM conference_room
    WHERE hub_id = v_hub AND id = v_room FOR UPDATE;

    SELECT IF(v_uid = v_hub, 7, GREATEST(IF(v_area = 'public', 2, 0), COALESCE(MAX(p.level), 0)))
    INTO v_level
    -- the optimizer would weigh by_expiry and by_entity at each call
    FROM permission AS p FORCE INDEX (PRIMARY)
    WHERE p.hub_id = v_hub
      AND p.resource_id IN ('*', v_room)
      AND p.entity_id IN (v_uid, 'ffffffffffffffff')
      AND (p.expiry = 0 OR p.expiry > v_now);

    -- unlocked: every writer holds the row of the room, as this call does
    SELECT COUNT(*), COALESCE(SUM(role = 'host'), 0), COALESCE(SUM(status = 'started'), 0),
           COALESCE(SUM(status = 'waiting'), 0), COALESCE(SUM(uid = v_uid), 0)
    INTO v_live, v_hosts, v_inside, v_waiting, v_own
    FROM conference FORCE INDEX (by_room)
    WHERE hub_id = v_hub AND room_id = v_room;

    -- unlocked: the same
    SELECT COUNT(*), COALESCE(SUM(callee_id = v_uid AND status = 'ringing' AND expiry > v_now), 0)
    INTO v_calls, v_rings
    FROM call_invitation
    WHERE hub_id = v_hub AND room_id = v_room;

    -- unlocked: the same. One look counts the rooms of the socket as well: it enters one at a time, and a few
    -- rooms too many do no harm
    SELECT MAX(IF(room_id = v_room, role, NULL)), MAX(IF(room_id = v_room, status, NULL)),
           COALESCE(MAX(IF(room_id = v_room, hub_id = v_hub, NULL)), 0), COUNT(*) >= in_limit
    INTO v_role, v_status, v_same_hub, v_full
    FROM conference FORCE INDEX (by_socket)
    WHERE socket_id = in_socket;

    SET v_entered = IF(v_role IS NULL, 1, 0);
    IF v_level = 0
       OR v_type <> in_type
       OR (v_entered = 0 AND v_same_hub = 0)
       OR (v_entered = 1 AND v_live = 0 AND v_level < 4 AND v_area IN ('private', 'share'))
    THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'WEAK_PRIVILEGE';
    END IF;
    IF EXISTS (
        SELECT 1 FROM conference_ban
        WHERE hub_id = v_hub AND room_id = v_room AND who = IF(v_is_guest, SHA2(in_sid, 256), v_uid)
    ) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'BANNED';
    END IF;
    -- nobody calls anybody in most meetings: what concerns calls is not even asked for
    IF v_entered AND v_calls THEN
        CALL call_elsewhere(v_hub, v_room, v_uid, in_socket, v_elsewhere);
    END IF;
    IF v_elsewhere THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ANSWERED_ELSEWHERE';
    END IF;

    IF v_participant IS NOT NULL THEN
        CALL conference_claim(v_hub, v_room, in_socket, v_uid, v_participant);
    END IF;

    IF v_entered = 1 THEN
        IF v_full THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'TOO_MANY_ROOMS';
        END IF;
        IF v_own THEN
            CALL conference_replace(v_hub, v_room, in_socket, v_uid, in_sid, v_was);
        END IF;
    END IF;

    IF v_was IS NOT NULL THEN
        -- unlocked: the same
        SELECT role, status INTO v_role, v_status
        FROM conference
        WHERE room_id = v_room AND socket_id = in_socket;
    ELSEIF v_entered = 1 THEN
        SET v_role = CASE
            WHEN v_hosts > 0 THEN 'attendee'
            WHEN v_area IN ('dmz', 'public') THEN IF(v_uid = v_owner, 'host', 'attendee')
            WHEN v_level < 4 THEN 'attendee'
            ELSE 'host'
        END;
        SET v_status = IF(
            v_role = 'attendee' AND (
                (v_hosts = 0 AND v_area IN ('dmz', 'public'))
                OR (v_locked = 'guests' AND v_is_guest)
                OR (v_locked = 'everybody' AND v_level < 7)
            )
            AND NOT EXISTS (
                SELECT 1 FROM conference
                WHERE hub_id = v_hub AND room_id = v_room AND uid = v_uid AND status = 'started'
                  AND NOT v_is_guest
            )
            AND v_rings = 0,
            'waiting', 'started'
        );
        -- without a host nobody could make room: the owner, and who becomes host, always find a place
        IF v_status = 'started' AND v_people > 0 AND v_inside >= v_people
           AND v_role <> 'host' AND v_level < 7
        THEN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ROOM_FULL';
        END IF;
    END IF;

    IF v_is_guest THEN
        SET v_guest = LEFT(COALESCE(
            JSON_VALUE(in_metadata, '$.guest_name'),
            NULLIF(TRIM(CONCAT_WS(' ', JSON_VALUE(in_metadata, '$.firstname'),
                                  JSON_VALUE(in_metadata, '$.lastname'))), '')
        ), 128);
        UPDATE session SET guest_name = v_guest
        WHERE id = SHA2(in_sid, 256) AND v_guest IS NOT NULL AND NOT guest_name <=> v_guest;
        SET v_guest = COALESCE(v_guest, (SELECT guest_name FROM session WHERE id = SHA2(in_sid, 256)));
    END IF;

    INSERT INTO conference (room_id, socket_id, hub_id, uid, type, role, status, level, participant_id,
                            firstname, lastname, audio, video, screen, muted, ctime, mtime)
    VALUES (
        v_room, in_socket, v_hub, v_uid, in_type, v_role, v_status, v_level, v_participant,
        COALESCE(v_firstname, JSON_VALUE(in_metadata, '$.firstname'), v_guest, IF(v_is_guest, 'Guest', '')),
        COALESCE(v_lastname, JSON_VALUE(in_metadata, '$.lastname'), ''),
        COALESCE(JSON_VALUE(in_metadata, '$.audio'), 1), COALESCE(JSON_VALUE(in_metadata, '$.video'), 0),
        COALESCE(JSON_VALUE(in_metadata, '$.screen'), 0), COALESCE(JSON_VALUE(in_metadata, '$.muted'), 0),
        v_now, v_now
    )
    ON DUPLICATE KEY UPDATE
        participant_id = COALESCE(VALUES(participant_id), participant_id),
        firstname = VALUES(firstname), lastname = VALUES(lastname),
        audio = COALESCE(JSON_VALUE(in_metadata, '$.audio'), audio),
        video = COALESCE(JSON_VALUE(in_metadata, '$.video'), video),
        screen = COALESCE(JSON_VALUE(in_metadata, '$.screen'), screen),
        muted = COALESCE(JSON_VALUE(in_metadata, '$.muted'), muted),
        mtime = v_now;

    IF v_calls THEN
        UPDATE call_invitation SET status = 'accepted', answered_socket = in_socket, mtime = v_now
        WHERE hub_id = v_hub AND room_id = v_room AND callee_id = v_uid AND status = 'ringing';
        SET v_answers = IF(ROW_COUNT() > 0 AND in_type = 'connect', 1, 0);
        -- who comes back after the first answer has vanished answers from now on
        UPDATE call_invitation SET answered_socket = in_socket
        WHERE hub_id = v_hub AND room_id = v_room AND callee_id = v_uid AND status = 'accepted' AND v_entered;
        CALL call_resume(v_hub, v_room, v_uid);
    END IF;

    IF v_role = 'host' THEN
        SET v_opens = v_started IS NULL;
        IF v_opens THEN
            UPDATE conference_room SET started_at = v_now WHERE hub_id = v_hub AND id = v_room;
        END IF;
        IF v_waiting THEN
            CALL conference_let_in(v_hub, v_room);
        END IF;
    END IF;

    -- most sites have no webhook at all, which costs half as much to find out
    IF EXISTS (SELECT 1 FROM webhook) THEN
        IF EXISTS (SELECT 1 FROM webhook WHERE uid IN (v_uid, v_owner, '')) THEN
            CALL webhook_seated(v_hub, v_room, IF(
                v_entered AND v_was IS NULL AND v_status = 'started', JSON_ARRAY(in_socket), NULL
            ), 'meeting.joined');
            IF v_opens THEN
                CALL webhook_meeting(v_hub, v_room, 'meeting.started');
            END IF;
        END IF;
    END IF;

    SET v_event = CASE
        WHEN v_answers = 1 THEN 'accept'
        WHEN v_role = 'host' THEN 'start'
        -- the desk of an owner knows only conference.join: guests have come, and nobody is there
        WHEN v_status = 'waiting' AND (v_hosts > 0 OR v_area NOT IN ('dmz', 'public')) THEN 'knock'
        ELSE 'join'
    END;
    SELECT JSON_OBJECT(
        'entered', v_entered + 0,
        'event', v_event,
        'serial', v_serial + 0,
        'room_id', v_room,
        'was', v_was,
        'user', JSON_COMPACT(me.data),
        'room', JSON_COMPACT(r.data),
        'details', CASE
            WHEN in_type = 'connect' THEN JSON_OBJECT()
            WHEN v_room = v_home THEN JSON_OBJECT(
                'id', v_room, 'filename', v_name, 'category', 'folder', 'owner_id', v_owner, 'hub_id', v_hub,
                'ctime', v_ctime + 0
            )
        END
    ) AS data
    FROM attendee_card AS me
    JOIN room_card AS r ON r.hub_id = me.hub_id AND r.room_id = me.room_id
    WHERE me.hub_id = v_hub AND me.room_id = v_room AND me.socket_id = in_socket;

    IF v_live > 0 AND v_status = 'started' THEN
        SELECT o.data
        FROM attendee_card AS o
        WHERE o.hub_id = v_hub AND o.room_id = v_room AND o.socket_id <> in_socket AND o.status = 'started'
        ORDER BY o.ctime, o.socket_id;
    ELSE
        SELECT '' AS data FROM DUAL WHERE FALSE;
    END IF;

    IF v_status = 'waiting' THEN
        CALL conference_door_sockets(v_hub, v_room, in_socket);
    ELSE
        CALL conference_entry_sockets(v_hub, v_room, in_socket, v_event, v_opens);
    END IF;
END$$
DELIMITER ;
