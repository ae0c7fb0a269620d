-- session_read: find the caller, the hub and the level of a request, for session_open and session_check.
--
-- The level is the best unexpired grant of the caller, or of everybody, on the hub (*) or on the resource.
-- Users have level 7 on themselves, and everybody can read a public hub.
--
-- Params:   in_sid       value of the session cookie, or NULL
--           in_hub       hub or user that the request names; NULL: the caller
--           in_resource  node or room inside the hub, or NULL
--           out_answer   JSON: uid, signed_in, stale (1: time to call session_touch), expiry, dom_id,
--                        db (shard of the caller), firstname, lastname, fullname, username, email,
--                        lang, guest_name, hub, area, hub_db, hub_owner (NULL: no such hub), level,
--                        moving (1: the caller or the hub is moving to another shard)
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL session_read(NULL, NULL, NULL, @answer);
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_read(
    IN in_sid      VARCHAR(128) COLLATE ascii_bin,
    IN in_hub      VARCHAR(64) COLLATE ascii_bin,
    IN in_resource VARCHAR(64) COLLATE ascii_bin,
    OUT out_answer LONGTEXT COLLATE utf8mb4_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_session CHAR(64) COLLATE ascii_bin DEFAULT SHA2(in_sid, 256);
    DECLARE v_uid, v_account, v_hub, v_owner CHAR(16) COLLATE ascii_bin;
    DECLARE v_db, v_hub_db VARCHAR(64) COLLATE ascii_bin;
    DECLARE v_area VARCHAR(16) COLLATE ascii_bin;
    DECLARE v_lang VARCHAR(8) COLLATE ascii_bin;
    DECLARE v_firstname, v_lastname, v_username, v_email VARCHAR(255);
    DECLARE v_fullname VARCHAR(511);
    DECLARE v_guest VARCHAR(128);
    DECLARE v_expiry, v_mtime, v_domain INT UNSIGNED;
    DECLARE v_level TINYINT UNSIGNED DEFAULT 0;
    DECLARE v_moves, v_hub_moves TINYINT DEFAULT 0;

    -- inner joins on whole keys: every request waits for this statement
    SELECT e.id, e.id, s.guest_name, s.mtime, s.expiry, e.db_name, e.area, d.domain_id,
           d.firstname, d.lastname, d.fullname, d.username, d.email, d.lang, m.entity_id IS NOT NULL
    INTO v_uid, v_account, v_guest, v_mtime, v_expiry, v_db, v_area, v_domain,
         v_firstname, v_lastname, v_fullname, v_username, v_email, v_lang, v_moves
    FROM session AS s
    JOIN entity AS e ON e.id = s.uid AND e.status = 'active' AND e.type = 'drumate'
    JOIN drumate AS d ON d.id = e.id
    LEFT JOIN entity_move AS m ON m.entity_id = e.id AND m.until > v_now
    WHERE s.id = v_session AND s.expiry > v_now;

    IF v_account IS NULL THEN
        -- a guest has no account; a frozen, locked or archived account has no session
        SELECT s.uid, s.guest_name, s.mtime, s.expiry INTO v_uid, v_guest, v_mtime, v_expiry
        FROM session AS s
        LEFT JOIN entity AS e ON e.id = s.uid
        WHERE s.id = v_session AND s.expiry > v_now AND e.id IS NULL;
    END IF;

    IF in_hub IS NULL OR in_hub = v_account THEN
        SET v_hub = v_account, v_owner = v_account, v_hub_db = v_db, v_level = IF(v_account IS NULL, 0, 7);
    ELSE
        SET v_area = NULL;
        SELECT h.id, h.area, h.db_name, COALESCE(w.owner_id, h.id), m.entity_id IS NOT NULL,
               GREATEST(
                   IF(h.area = 'public', 2, 0),
                   IF(own.expiry = 0 OR own.expiry > v_now, own.level, 0),
                   IF(own_here.expiry = 0 OR own_here.expiry > v_now, own_here.level, 0),
                   IF(everybody.expiry = 0 OR everybody.expiry > v_now, everybody.level, 0),
                   IF(everybody_here.expiry = 0 OR everybody_here.expiry > v_now, everybody_here.level, 0)
               )
        INTO v_hub, v_area, v_hub_db, v_owner, v_hub_moves, v_level
        FROM entity AS h
        LEFT JOIN hub AS w ON w.id = h.id
        LEFT JOIN entity_move AS m ON m.entity_id = h.id AND m.until > v_now
        -- four whole keys cost less than a sub-select over their range
        LEFT JOIN permission AS own
            ON own.hub_id = in_hub AND own.resource_id = '*' AND own.entity_id = v_uid
        LEFT JOIN permission AS own_here
            ON own_here.hub_id = in_hub AND own_here.resource_id = in_resource AND own_here.entity_id = v_uid
        LEFT JOIN permission AS everybody
            ON everybody.hub_id = in_hub AND everybody.resource_id = '*'
            AND everybody.entity_id = 'ffffffffffffffff'
        LEFT JOIN permission AS everybody_here
            ON everybody_here.hub_id = in_hub AND everybody_here.resource_id = in_resource
            AND everybody_here.entity_id = 'ffffffffffffffff'
        WHERE h.id = in_hub AND h.status = 'active';
    END IF;

    -- repeats caller_card, which knows neither guests nor other hubs than the caller
    SET out_answer = JSON_OBJECT(
        'uid', COALESCE(v_uid, 'ffffffffffffffff'),
        'signed_in', IF(v_account IS NULL, 0, 1),
        'stale', IF(v_mtime < v_now - 300, 1, 0),
        'expiry', v_expiry + 0,
        'dom_id', v_domain + 0,
        'db', v_db,
        'firstname', v_firstname,
        'lastname', v_lastname,
        'fullname', v_fullname,
        'username', v_username,
        'email', v_email,
        'lang', v_lang,
        'guest_name', v_guest,
        'hub', v_hub,
        'area', v_area,
        'hub_db', v_hub_db,
        'hub_owner', v_owner,
        'level', v_level + 0,
        'moving', IF(v_moves OR v_hub_moves, 1, 0)
    );
END$$
DELIMITER ;
