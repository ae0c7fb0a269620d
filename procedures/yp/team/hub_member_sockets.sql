-- hub_member_sockets: list the sockets, open or lost (socket_route), of the people who may read a hub.
-- Guests of its rooms are none.
--
-- Params:   in_hub   hub
-- Returns:  rows     node, sockets (JSON array of one id)
-- Errors:   none
-- Example:  CALL hub_member_sockets('00000000000000f1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE hub_member_sockets(
    IN in_hub VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();

    SELECT s.node, JSON_ARRAY(s.id) AS sockets
    FROM permission AS p
    JOIN socket_route AS s ON s.uid = p.entity_id AND s.state <> 'idle'
    WHERE p.hub_id = in_hub
      AND p.resource_id = '*'
      AND p.level >= 2
      AND p.entity_id <> 'ffffffffffffffff'
      AND (p.expiry = 0 OR p.expiry > v_now);
END$$
DELIMITER ;
