-- shareroom_contact_get: show a registered user to the owner, with the blocks between the two.
--
-- Params:   in_owner   user who looks
--           in_peer    user who is shown
-- Returns:  one row    data  JSON: id, entity, entity_id, drumate_id (all the peer), contact_id (NULL: no
--                            entry), firstname, lastname, surname, is_blocked, is_blocked_me
--           rows       node, sockets: open sockets of the owner
-- Errors:   none
-- Example:  CALL shareroom_contact_get('00000000000000a1', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE shareroom_contact_get(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_peer  CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT(
        'id', in_peer, 'entity', in_peer, 'entity_id', in_peer, 'drumate_id', in_peer, 'contact_id', c.id,
        'firstname', c.firstname, 'lastname', c.lastname, 'surname', c.display,
        'is_blocked', IF(yp.is_blocked(in_owner, in_peer), 1, 0),
        'is_blocked_me', IF(yp.is_blocked(in_peer, in_owner), 1, 0)
    ) AS data
    FROM (SELECT 1) AS one
    LEFT JOIN contact AS c ON c.owner_id = in_owner AND c.peer_id = in_peer
    LIMIT 1;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
