-- conference_review: bring the levels of participants up to date with the grants of this moment.
--
-- A host who may no longer write becomes an attendee, and conference_host finds another host. A room that has
-- none gets one as soon as somebody inside may be it. People without any level are left to conference_evict.
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
    DECLARE v_rooms, v_changed LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: each room is locked before its participants. Not in the FOR, which runs its query twice.
    SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT('hub', x.hub_id, 'room', x.room_id)), '[]') INTO v_rooms
    FROM (
        SELECT hub_id, room_id FROM conference_right WHERE level <> former_level AND level > 0
        UNION
        -- no others without a host: rooms in which nobody may be it would fill the limit
        SELECT n.hub_id, n.room_id
        FROM conference_heir AS n
        JOIN conference_right AS g ON g.room_id = n.room_id AND g.socket_id = n.socket_id
        WHERE g.level >= 4
        ORDER BY hub_id, room_id
        LIMIT in_limit
    ) AS x;

    FOR r IN (
        SELECT j.hub_id, j.room_id
        FROM JSON_TABLE(v_rooms, '$[*]' COLUMNS (
            hub_id CHAR(16) COLLATE ascii_bin PATH '$.hub',
            room_id VARCHAR(64) COLLATE ascii_bin PATH '$.room'
        )) AS j
        ORDER BY j.hub_id, j.room_id
    ) DO
        CALL conference_number(r.hub_id, r.room_id, v_serial);
        SET v_changed = '[]';
        FOR s IN (
            -- unlocked: the row of the room is written above
            SELECT socket_id, level
            FROM conference_right
            WHERE hub_id = r.hub_id AND room_id = r.room_id AND level <> former_level AND level > 0
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
