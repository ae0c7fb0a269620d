-- conference_evict: remove participants who have lost the right to be in a room: their grant was taken away
-- or has expired, or their account is no longer active.
--
-- Params:   in_limit   participants at most; the next call finds the others
-- Returns:  the two sets of conference_drop for each room that they leave
--           then rows      data  JSON: room_id, hub_id, uid; node, sockets: of the participant, to be
--                          notified; db_name (their shard)
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_evict(100);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_evict(
    IN in_limit INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_evicted LONGTEXT DEFAULT '[]';
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    FOR r IN (
        SELECT c.hub_id, c.room_id, c.socket_id
        FROM conference AS c
        JOIN entity AS h ON h.id = c.hub_id
        LEFT JOIN entity AS a ON a.id = c.uid
        WHERE a.status <> 'active'
           OR (
            c.uid <> c.hub_id
            AND h.area <> 'public'
            AND NOT EXISTS (
                SELECT 1
                FROM permission AS p
                WHERE p.hub_id = c.hub_id
                  AND p.resource_id IN ('*', c.room_id)
                  AND p.entity_id IN (c.uid, 'ffffffffffffffff')
                  AND p.level > 0
                  AND (p.expiry = 0 OR p.expiry > v_now)
            )
           )
        ORDER BY c.hub_id, c.room_id, c.socket_id
        LIMIT in_limit
    ) DO
        CALL conference_drop(r.socket_id, r.room_id);
        SET v_evicted = JSON_ARRAY_APPEND(
            v_evicted, '$', JSON_OBJECT('socket', r.socket_id, 'hub', r.hub_id, 'room', r.room_id)
        );
    END FOR;

    SELECT JSON_OBJECT('room_id', j.room, 'hub_id', j.hub, 'uid', s.uid) AS data,
           s.node, JSON_ARRAY(s.id) AS sockets, e.db_name
    FROM JSON_TABLE(v_evicted, '$[*]' COLUMNS (
        socket VARCHAR(32) COLLATE ascii_bin PATH '$.socket',
        hub CHAR(16) COLLATE ascii_bin PATH '$.hub',
        room VARCHAR(64) COLLATE ascii_bin PATH '$.room'
    )) AS j
    JOIN socket AS s ON s.id = j.socket
    LEFT JOIN entity AS e ON e.id = s.uid;
END$$
DELIMITER ;
