-- conference_fill: let those into one room who wait only for a place, once it has one: somebody has left, or
-- a host allows more people.
--
-- Params:   none
-- Returns:  both sets of conference_entered
--           nothing when nobody waits for a place that is free
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_fill();
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_fill()
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_hub CHAR(16) COLLATE ascii_bin;
    DECLARE v_room VARCHAR(64) COLLATE ascii_bin;
    DECLARE v_serial BIGINT UNSIGNED;
    DECLARE v_sockets LONGTEXT COLLATE utf8mb4_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: the room is locked below, and read again
    SELECT d.hub_id, d.room_id INTO v_hub, v_room
    FROM (SELECT DISTINCT hub_id, room_id FROM conference_door) AS d
    JOIN conference_room AS r ON r.hub_id = d.hub_id AND r.id = d.room_id
    WHERE EXISTS (
        SELECT 1 FROM conference AS h
        WHERE h.hub_id = d.hub_id AND h.room_id = d.room_id AND h.role = 'host'
      )
      AND (r.people = 0 OR r.people > (
        SELECT COUNT(*) FROM conference AS o
        WHERE o.hub_id = d.hub_id AND o.room_id = d.room_id AND o.status = 'started'
      ))
    LIMIT 1;

    IF v_room IS NOT NULL THEN
        CALL conference_number(v_hub, v_room, v_serial);
        -- unlocked: the row of the room is written above
        SELECT COALESCE(JSON_ARRAYAGG(socket_id), '[]') INTO v_sockets
        FROM conference WHERE hub_id = v_hub AND room_id = v_room AND status = 'waiting';
        CALL conference_let_in(v_hub, v_room);
        CALL conference_entered(v_hub, v_room, v_sockets, v_serial);
    END IF;
END$$
DELIMITER ;
