-- contact_notification_by_entity: what the owner is told about one person who invited him or accepted.
--
-- Params:   in_owner   whose address book
--           in_peer    the other person
-- Returns:  at most one row   data  JSON (contact_notice)
--           rows              node, sockets: the owner's open sockets
-- Errors:   none
-- Example:  CALL contact_notification_by_entity('00000000000000a1', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_notification_by_entity(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_peer  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT n.data FROM contact_notice AS n WHERE n.owner_id = in_owner AND n.peer_id = in_peer;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
