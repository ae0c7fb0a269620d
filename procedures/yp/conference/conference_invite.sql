-- conference_invite: call a user into a room in which the caller waits. The sockets of the user ring.
--
-- The pair is locked: when two users call each other at the same moment, the second one finds the call of the
-- first and gets it instead of ringing. A second call to a user who is ringing finds the same room. A user
-- who is offline, unknown or blocked, or has blocked the caller, is always reported as offline.
--
-- Params:   in_sid        session of the caller; the socket must be bound to it
--           in_socket     socket of the caller
--           in_hub        hub of the room
--           in_room       room of the call, or NULL: a new one
--           in_guest      uid of the callee
--           in_type       connect, or meeting
--           in_metadata   JSON, see conference_join
--           in_ring       seconds until the call is missed
--           in_limit      rooms of one socket at most
-- Returns:  the sets of conference_join, when the user rings: the caller enters the room
--           one row       data  JSON: outcome (offline, cross, present or ringing), call (call_card; NULL
--                         when offline), missed (NULL unless offline: uid, callee_id, message_id, caller_db,
--                         callee_db of the entry; NULL for callee_db: a block keeps it from the callee)
--           rows          node, sockets: the sockets that ring
-- Errors:   WEAK_PRIVILEGE   a foreign socket, or the caller may not enter that room
--           CALLEE_BANNED    a host has banned the callee from that room
--           ROOM_FULL        the caller or the callee would be one too many there
--           PARTICIPANT_TAKEN, TOO_MANY_ROOMS, BANNED, ANSWERED_ELSEWHERE   see conference_join
-- Needs:    a transaction
-- Example:  CALL conference_invite('example-sid', 'example-socket', '00000000000000f1', NULL,
--           '00000000000000b1', 'connect', '{}', 30, 16);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_invite(
    IN in_sid      VARCHAR(128) COLLATE ascii_bin,
    IN in_socket   VARCHAR(64) COLLATE ascii_bin,
    IN in_hub      VARCHAR(64) COLLATE ascii_bin,
    IN in_room     VARCHAR(64) COLLATE ascii_bin,
    IN in_guest    VARCHAR(64) COLLATE ascii_bin,
    IN in_type     VARCHAR(16) COLLATE ascii_bin,
    IN in_metadata LONGTEXT,
    IN in_ring     INT UNSIGNED,
    IN in_limit    INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_calls LONGTEXT;
    DECLARE v_uid, v_known, v_guest, v_hub CHAR(16) COLLATE ascii_bin;
    DECLARE v_room VARCHAR(64) COLLATE ascii_bin;
    DECLARE v_outcome VARCHAR(16) COLLATE ascii_bin DEFAULT 'offline';
    DECLARE v_blocked TINYINT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT s.uid INTO v_uid
    FROM socket AS s
    JOIN drumate AS d ON d.id = s.uid
    WHERE s.id = in_socket AND s.session_id = SHA2(in_sid, 256);

    IF v_uid IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'WEAK_PRIVILEGE';
    END IF;

    SELECT MAX(id) INTO v_known FROM drumate WHERE id = in_guest AND id <> v_uid;
    IF v_known IS NOT NULL THEN
        CALL contact_pair_lock(v_uid, v_known, NULL);
        -- not inside the query below: next to an EXISTS, MariaDB hands a function the wrong row
        SELECT is_blocked(v_uid, v_known) OR is_blocked(v_known, v_uid) INTO v_blocked;
    END IF;

    SELECT e.id INTO v_guest
    FROM entity AS e
    WHERE e.id = v_known
      AND e.status = 'active'
      AND v_blocked = 0
      AND EXISTS (SELECT 1 FROM socket AS s WHERE s.uid = e.id AND s.state <> 'idle');

    IF v_guest IS NOT NULL THEN
        -- unlocked: is the other user calling? The pair is locked, so that nobody begins to ring; a call that
        -- ends at this moment is refused when it is picked up.
        SELECT hub_id, room_id INTO v_hub, v_room
        FROM call_invitation
        WHERE callee_id = v_uid AND caller_id = v_guest AND status = 'ringing' AND expiry > v_now
        ORDER BY ctime DESC
        LIMIT 1;
        SET v_outcome = IF(v_room IS NULL, 'ringing', 'cross');
    END IF;

    IF v_outcome = 'ringing' THEN
        SET v_hub = in_hub;
        SET v_room = COALESCE(
            in_room,
            (
                SELECT i.room_id FROM call_invitation AS i
                WHERE i.caller_id = v_uid AND i.status = 'ringing' AND i.callee_id = v_guest
                  AND i.hub_id = in_hub AND i.caller_socket = in_socket AND i.expiry > v_now
                LIMIT 1
            ),
            LOWER(HEX(RANDOM_BYTES(8)))
        );
        CALL conference_join(in_sid, in_socket, v_hub, v_room, in_type, in_metadata, in_limit);

        IF EXISTS (SELECT 1 FROM conference WHERE hub_id = v_hub AND room_id = v_room AND uid = v_guest) THEN
            SET v_outcome = 'present';
        ELSE
            -- nobody rings who could not come in
            IF EXISTS (
                SELECT 1 FROM conference_ban WHERE hub_id = v_hub AND room_id = v_room AND who = v_guest
            ) THEN
                SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CALLEE_BANNED';
            END IF;
            IF EXISTS (
                SELECT 1
                FROM conference_room AS r
                LEFT JOIN hub AS h ON h.id = r.hub_id
                WHERE r.hub_id = v_hub AND r.id = v_room AND r.people > 0
                  AND COALESCE(h.owner_id, r.hub_id) <> v_guest
                  AND r.people <= (
                    SELECT COUNT(*) FROM conference AS c
                    WHERE c.hub_id = r.hub_id AND c.room_id = r.id AND c.status = 'started'
                  )
            ) THEN
                SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'ROOM_FULL';
            END IF;

            INSERT INTO permission (hub_id, resource_id, entity_id, level, expiry, assign_via,
                                    message, ctime, mtime)
            VALUES (v_hub, v_room, v_guest, 2, v_now + 86400, 'no_traversal',
                    JSON_OBJECT('type', 'rendez-vous', 'owner_id', v_uid), v_now, v_now)
            ON DUPLICATE KEY UPDATE
                level = GREATEST(level, 2), expiry = IF(expiry = 0, 0, GREATEST(expiry, v_now + 86400)),
                mtime = v_now;

            CALL webhook_calls_before(v_hub, v_room, v_calls);
            INSERT INTO call_invitation (room_id, callee_id, hub_id, caller_id, caller_socket, status, expiry,
                                         ctime, mtime)
            VALUES (v_room, v_guest, v_hub, v_uid, in_socket, 'ringing', v_now + in_ring, v_now, v_now)
            ON DUPLICATE KEY UPDATE
                caller_id = v_uid, caller_socket = in_socket,
                expiry = IF(status = 'ringing', expiry, v_now + in_ring),
                ctime = v_now, mtime = v_now, status = 'ringing', answered_socket = NULL,
                answered_at = NULL, ended_at = NULL, logged_at = NULL;
            CALL webhook_calls_after(v_hub, v_room, v_calls);
        END IF;
    END IF;

    SELECT JSON_OBJECT('outcome', v_outcome, 'room_id', v_room, 'missed', JSON_COMPACT((
        SELECT JSON_OBJECT(
            'uid', me.id, 'callee_id', peer.id,
            'message_id', call_message_id(HEX(RANDOM_BYTES(8)), me.id, peer.id),
            'caller_db', me.db_name, 'callee_db', IF(v_blocked, NULL, peer.db_name)
        )
        FROM entity AS me
        JOIN entity AS peer ON peer.id = v_known AND peer.status = 'active'
        WHERE me.id = v_uid AND v_outcome = 'offline'
    )), 'call', JSON_COMPACT((
        SELECT c.data FROM call_card AS c
        WHERE c.hub_id = v_hub AND c.room_id = v_room
          AND c.callee_id = IF(v_outcome = 'cross', v_uid, v_guest)
    ))) AS data;
    CALL user_sockets(IF(v_outcome = 'ringing', v_guest, NULL), NULL);
END$$
DELIMITER ;
