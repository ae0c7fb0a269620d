-- conference_let_in: let those into a room who wait at its door and no longer need to (conference_door), in
-- the order in which they came, until the room is full. The owner finds a place all the same.
--
-- Params:   in_hub    hub of the room
--           in_room   room, locked by the caller (conference_number)
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL conference_let_in('00000000000000f1', '00000000000000f2');
DELIMITER $$
CREATE OR REPLACE PROCEDURE conference_let_in(
    IN in_hub  CHAR(16) COLLATE ascii_bin,
    IN in_room VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_places INT UNSIGNED;
    DECLARE v_sockets LONGTEXT COLLATE utf8mb4_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- unlocked: every writer holds the row of the room, as the caller does
    SET v_places = (
        SELECT IF(r.people = 0, COUNT(*), GREATEST(
            CAST(r.people AS SIGNED) - SUM(c.status = 'started' OR c.level >= 7), 0
        ))
        FROM conference_room AS r
        JOIN conference AS c ON c.hub_id = r.hub_id AND c.room_id = r.id
        WHERE r.hub_id = in_hub AND r.id = in_room
    );
    -- unlocked: the same
    SELECT JSON_ARRAYAGG(x.socket_id) INTO v_sockets
    FROM (
        SELECT socket_id
        FROM conference_door
        WHERE hub_id = in_hub AND room_id = in_room AND level < 7
        ORDER BY ctime, socket_id
        LIMIT v_places
    ) AS x;
    -- unlocked: the same
    SELECT JSON_ARRAYAGG(socket_id) INTO v_sockets
    FROM conference
    WHERE hub_id = in_hub AND room_id = in_room AND status = 'waiting'
      AND (level >= 7 OR JSON_CONTAINS(v_sockets, JSON_QUOTE(socket_id)));
    IF v_sockets IS NOT NULL THEN
        UPDATE conference
        SET status = 'started'
        WHERE hub_id = in_hub AND room_id = in_room AND status = 'waiting'
          AND JSON_CONTAINS(v_sockets, JSON_QUOTE(socket_id));
        CALL webhook_seated(in_hub, in_room, v_sockets, 'meeting.joined');
    END IF;
END$$
DELIMITER ;
