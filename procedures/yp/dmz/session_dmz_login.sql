-- session_dmz_login: open a guest link. A caller without a session gets one as a guest, and may enter that
-- one room while the link is valid, for a day at most. A caller who is signed in keeps the session. The
-- session of a visitor (session_visit) ends; its sockets and tokens move to that of the guest, because the
-- page does not reconnect.
--
-- Two tabs of a visitor that open a link at the same moment are one guest: in_successor is the same for both,
-- and the second call finds the session that the first one has opened (session_successor). The first two
-- tabs of a browser have a session each, and the cookie holds one of them; so in_socket becomes the
-- guest's, too.
--
-- Params:   in_token      secret in the link
--           in_sid        value of the session cookie, or NULL
--           in_successor  session id that replaces in_sid when that is a visitor's; NULL without in_sid
--           in_new_sid    new random session id for callers without a session
--           in_socket     socket of the tab, or NULL
--           in_ttl        seconds until an unused session of a guest ends
--           in_ua         user agent
--           in_address    address of the caller
-- Returns:  at most one row   data  JSON: sid (in_sid, in_successor or in_new_sid: the session id of the
--                                   browser from now on), hub_id, nid, room_id, uid, is_guest, guest_name,
--                                   filename, area, sender (owner of the hub), expiry; no row for a link
--                                   that is unknown or has expired
--           then rows         node, sockets: open sockets of the session when some of them were a visitor's
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL session_dmz_login('example-token', NULL, NULL, 'example-sid', NULL, 60, 'doc', '127.0.0.1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_dmz_login(
    IN in_token     VARCHAR(128) COLLATE ascii_bin,
    IN in_sid       VARCHAR(128) COLLATE ascii_bin,
    IN in_successor VARCHAR(128) COLLATE ascii_bin,
    IN in_new_sid   VARCHAR(128) COLLATE ascii_bin,
    IN in_socket    VARCHAR(64) COLLATE ascii_bin,
    IN in_ttl       INT UNSIGNED,
    IN in_ua        VARCHAR(255),
    IN in_address   VARCHAR(45)
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_hub, v_uid CHAR(16) COLLATE ascii_bin;
    DECLARE v_sid VARCHAR(128) COLLATE ascii_bin DEFAULT in_sid;
    DECLARE v_visitor CHAR(64) COLLATE ascii_bin;
    DECLARE v_room VARCHAR(64) COLLATE ascii_bin;
    DECLARE v_title VARCHAR(255);
    DECLARE v_guest VARCHAR(128);
    DECLARE v_level TINYINT UNSIGNED;
    DECLARE v_moved INT UNSIGNED DEFAULT 0;
    DECLARE v_until INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT l.hub_id, l.room_id, COALESCE(NULLIF(l.title, ''), h.name), l.level,
           LEAST(v_now + 86400, IF(l.expiry = 0, 4294967295, l.expiry))
    INTO v_hub, v_room, v_title, v_level, v_until
    FROM dmz_link AS l
    JOIN entity AS e ON e.id = l.hub_id AND e.status = 'active'
    JOIN hub AS h ON h.id = l.hub_id
    WHERE l.id = SHA2(in_token, 256) AND (l.expiry = 0 OR l.expiry > v_now);

    IF v_hub IS NOT NULL THEN
        -- the second tab of a visitor waits here for the first one
        SELECT uid, guest_name INTO v_uid, v_guest
        FROM session
        WHERE id = SHA2(in_sid, 256) AND expiry > v_now
        FOR UPDATE;

        IF v_uid = 'ffffffffffffffff' THEN
            SET v_visitor = SHA2(in_sid, 256), v_sid = in_successor, v_uid = NULL;
        ELSEIF v_uid IS NULL THEN
            SET v_sid = IF(session_successor(in_successor, in_ua, in_address) IS NULL,
                           in_new_sid, in_successor);
            SELECT uid, guest_name INTO v_uid, v_guest
            FROM session
            WHERE id = SHA2(v_sid, 256)
            FOR UPDATE;
        END IF;
        IF v_uid IS NULL THEN
            SET v_uid = LOWER(HEX(RANDOM_BYTES(8)));
            INSERT INTO session (id, uid, ua, address, ttl, expiry, ctime, mtime)
            VALUES (SHA2(v_sid, 256), v_uid, in_ua, in_address, in_ttl, v_now + in_ttl, v_now, v_now);
        END IF;
        IF v_visitor IS NOT NULL THEN
            UPDATE authn SET session_id = SHA2(v_sid, 256) WHERE session_id = v_visitor;
            DELETE FROM session WHERE id = v_visitor;
        END IF;
        UPDATE socket SET session_id = SHA2(v_sid, 256), uid = v_uid WHERE session_id = v_visitor;
        SET v_moved = ROW_COUNT();
        UPDATE socket SET session_id = SHA2(v_sid, 256), uid = v_uid
        WHERE id = in_socket AND uid = 'ffffffffffffffff'
          AND NOT EXISTS (SELECT 1 FROM drumate AS d WHERE d.id = v_uid);
        SET v_moved = v_moved + ROW_COUNT();

        INSERT INTO permission (hub_id, resource_id, entity_id, level, expiry, assign_via, ctime, mtime)
        VALUES (v_hub, v_room, v_uid, v_level, v_until, 'link', v_now, v_now)
        ON DUPLICATE KEY UPDATE
            expiry = IF(expiry = 0, 0, GREATEST(expiry, v_until)), level = GREATEST(level, v_level),
            mtime = v_now;
    END IF;

    SELECT JSON_OBJECT(
        'sid', v_sid, 'hub_id', v_hub, 'nid', v_room, 'room_id', v_room, 'uid', v_uid,
        'is_guest', IF(d.id IS NULL, 1, 0), 'guest_name', COALESCE(v_guest, ''), 'filename', v_title,
        'area', e.area, 'expiry', v_until + 0,
        'sender', COALESCE(NULLIF(TRIM(CONCAT(o.firstname, ' ', o.lastname)), ''), o.username)
    ) AS data
    FROM hub AS h
    JOIN entity AS e ON e.id = h.id
    JOIN drumate AS o ON o.id = h.owner_id
    LEFT JOIN drumate AS d ON d.id = v_uid
    WHERE h.id = v_hub;

    SELECT node, JSON_ARRAYAGG(id) AS sockets
    FROM socket
    WHERE session_id = SHA2(v_sid, 256) AND state <> 'lost' AND v_moved > 0
    GROUP BY node;
END$$
DELIMITER ;
