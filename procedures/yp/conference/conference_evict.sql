-- conference_evict: remove participants who have lost the right to be in a room: their grant was taken away
-- or has expired, or their account is no longer active.
--
-- Params:   in_limit   participants at most; the next call finds the others
-- Returns:  the sets of conference_remove
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
    DECLARE v_seats LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: conference_drop locks each room
    SELECT COALESCE(
        JSON_ARRAYAGG(JSON_OBJECT('hub', x.hub_id, 'room', x.room_id, 'socket', x.socket_id)), '[]'
    )
    INTO v_seats
    FROM (
        SELECT r.hub_id, r.room_id, r.socket_id
        FROM conference_right AS r
        LEFT JOIN entity AS a ON a.id = r.uid
        WHERE a.status <> 'active' OR r.level = 0
        ORDER BY r.hub_id, r.room_id, r.socket_id
        LIMIT in_limit
    ) AS x;

    CALL conference_remove(v_seats);
END$$
DELIMITER ;
