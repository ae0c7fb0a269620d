-- conference_review: bring the levels of participants up to date with the grants of this moment.
--
-- A host who may no longer write becomes an attendee, and conference_host finds another host. A room that has
-- none gets one as soon as somebody inside may be it. Who has no level at all is left to conference_evict.
--
-- Params:   in_limit   rooms at most; the next call finds the others
-- Returns:  for each room in which something has changed:
--           rows   data  JSON, attendee row and serial of each participant who has changed
--           rows   node, sockets: of everybody in the room
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_review(100);
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_review(
    IN in_limit INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_serial BIGINT UNSIGNED;
    DECLARE v_host VARCHAR(32) COLLATE ascii_bin;
    DECLARE v_changed LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    FOR r IN (
        -- unlocked: each room is locked before its participants
        SELECT DISTINCT c.hub_id, c.room_id
        FROM conference AS c
        JOIN conference_right AS g ON g.room_id = c.room_id AND g.socket_id = c.socket_id
        JOIN conference_room AS m ON m.hub_id = c.hub_id AND m.id = c.room_id
        JOIN entity AS e ON e.id = c.hub_id
        LEFT JOIN hub AS h ON h.id = c.hub_id
        WHERE (c.level <> g.level AND g.level > 0)
           OR (g.level >= 4
               -- whom conference_host would choose: rooms in which nobody may be host would fill the limit
               AND (e.area NOT IN ('dmz', 'public') OR c.uid = h.owner_id
                    OR (m.started_at IS NOT NULL AND c.status = 'started'))
               AND NOT EXISTS (
                SELECT 1 FROM conference AS o
                WHERE o.hub_id = c.hub_id AND o.room_id = c.room_id AND o.role = 'host'
           ))
        ORDER BY c.hub_id, c.room_id
        LIMIT in_limit
    ) DO
        CALL conference_number(r.hub_id, r.room_id, v_serial);
        SET v_changed = '[]';
        FOR s IN (
            -- unlocked: the row of the room is written above
            SELECT c.socket_id, g.level
            FROM conference AS c
            JOIN conference_right AS g ON g.room_id = c.room_id AND g.socket_id = c.socket_id
            WHERE c.hub_id = r.hub_id AND c.room_id = r.room_id AND c.level <> g.level AND g.level > 0
        ) DO
            UPDATE conference
            SET level = s.level, role = IF(s.level < 4, 'attendee', role)
            WHERE room_id = r.room_id AND socket_id = s.socket_id;
            SET v_changed = JSON_ARRAY_APPEND(v_changed, '$', s.socket_id);
        END FOR;
        CALL conference_host(r.hub_id, r.room_id, v_host);
        IF v_host IS NOT NULL THEN
            SET v_changed = JSON_ARRAY_APPEND(v_changed, '$', v_host);
        END IF;

        IF v_changed <> '[]' THEN
            CALL conference_changed(r.hub_id, r.room_id, v_changed, v_serial);
        END IF;
    END FOR;
END$$
DELIMITER ;
