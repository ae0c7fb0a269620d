-- hub_poke: find whom an invitation into the meeting of a hub goes to.
--
-- Params:   in_uid    member who invites
--           in_hub    hub
--           in_guest  member who is invited
--           in_room   room of the meeting
-- Returns:  one row   data  JSON: hub_id, name, area, inside (1: the inviter is in the room)
--           rows      node, sockets: sockets of the invited member outside the room; none when one of
--                     the two blocks the other
-- Errors:   NOT_A_MEMBER   one of the two is no member of the hub
-- Example:  CALL hub_poke('00000000000000a1', '00000000000000f1', '00000000000000b1', '00000000000000f2');
DELIMITER $$
CREATE OR REPLACE PROCEDURE hub_poke(
    IN in_uid   CHAR(16) COLLATE ascii_bin,
    IN in_hub   VARCHAR(64) COLLATE ascii_bin,
    IN in_guest VARCHAR(64) COLLATE ascii_bin,
    IN in_room  VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF hub_level(in_hub, in_uid) < 2 OR hub_level(in_hub, in_guest) < 2 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NOT_A_MEMBER';
    END IF;

    SELECT JSON_OBJECT(
        'hub_id', h.id, 'name', h.name, 'area', e.area,
        'inside', IF(EXISTS (
            SELECT 1 FROM conference AS c WHERE c.hub_id = h.id AND c.room_id = in_room AND c.uid = in_uid
        ), 1, 0)
    ) AS data
    FROM hub AS h
    JOIN entity AS e ON e.id = h.id
    WHERE h.id = in_hub;

    SELECT s.node, JSON_ARRAYAGG(s.id) AS sockets
    FROM socket_route AS s
    WHERE s.uid = in_guest
      AND s.state <> 'idle'
      AND NOT is_blocked(in_uid, in_guest)
      AND NOT is_blocked(in_guest, in_uid)
      AND NOT EXISTS (
        SELECT 1 FROM conference AS c
        WHERE c.hub_id = in_hub AND c.room_id = in_room AND c.socket_id = s.id
      )
    GROUP BY s.node;
END$$
DELIMITER ;
