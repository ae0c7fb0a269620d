-- session_open: get the caller, the hub and the level of a request. The gate of every request of the RPC.
--
-- The level is the best unexpired grant of the caller, or of everybody, on the hub (*) or on the resource.
-- Users have level 7 on themselves, and everybody can read a public hub.
--
-- Params:   in_sid       value of the session cookie, or NULL
--           in_hub       hub or user that the request names; NULL: the caller
--           in_resource  node or room inside the hub, or NULL
-- Returns:  one row      data  JSON: uid, signed_in, stale (1: time to call session_touch), expiry, dom_id,
--                              db (shard of the caller), firstname, lastname, fullname, username, email,
--                              lang, guest_name, hub, area, hub_db, hub_owner (NULL: no such hub), level,
--                              moving (1: the caller or the hub is moving to another shard)
-- Errors:   none
-- Example:  CALL session_open(NULL, NULL, NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE session_open(
    IN in_sid      VARCHAR(128) COLLATE ascii_bin,
    IN in_hub      VARCHAR(64) COLLATE ascii_bin,
    IN in_resource VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();

    SELECT JSON_OBJECT(
        'uid', COALESCE(s.uid, 'ffffffffffffffff'),
        'signed_in', IF(me.id IS NULL, 0, 1),
        'stale', IF(s.mtime < v_now - 300, 1, 0),
        'expiry', s.expiry,
        -- Repeats caller_card, which knows neither guests nor other hubs than the caller
        'dom_id', d.domain_id,
        'db', me.db_name,
        'firstname', d.firstname,
        'lastname', d.lastname,
        'fullname', d.fullname,
        'username', d.username,
        'email', d.email,
        'lang', d.lang,
        'guest_name', s.guest_name,
        'hub', h.id,
        'area', h.area,
        'hub_db', h.db_name,
        'hub_owner', COALESCE(w.owner_id, h.id),
        'level', CASE
            WHEN h.id IS NULL THEN 0
            WHEN h.id = s.uid THEN 7
            ELSE GREATEST(IF(h.area = 'public', 2, 0), COALESCE((
                SELECT MAX(p.level)
                FROM permission AS p
                WHERE p.hub_id = h.id
                  AND p.resource_id IN ('*', in_resource)
                  AND p.entity_id IN (s.uid, 'ffffffffffffffff')
                  AND (p.expiry = 0 OR p.expiry > v_now)
            ), 0))
        END,
        'moving', IF(EXISTS (
            SELECT 1 FROM entity_move AS m WHERE m.entity_id IN (me.id, h.id) AND m.until > v_now
        ), 1, 0)
    ) AS data
    FROM (SELECT 1) AS one
    LEFT JOIN session AS s
        ON s.id = SHA2(in_sid, 256)
        AND s.expiry > v_now
        -- a frozen, locked or archived account has no session; a guest has no account
        AND NOT EXISTS (SELECT 1 FROM entity AS a WHERE a.id = s.uid AND a.status <> 'active')
    LEFT JOIN entity AS me ON me.id = s.uid AND me.type = 'drumate'
    LEFT JOIN drumate AS d ON d.id = me.id
    LEFT JOIN entity AS h ON h.id = COALESCE(in_hub, s.uid) AND h.status = 'active'
    LEFT JOIN hub AS w ON w.id = h.id;
END$$
DELIMITER ;
