-- contact_notification_by_entity: get the notice about one user who invited the owner or accepted an
-- invitation.
--
-- Params:   in_owner   owner of the address book
--           in_peer    other user
-- Returns:  at most one row   data  JSON (contact_notice)
--           rows              node, sockets: open sockets of the owner
-- Errors:   none
-- Example:  CALL contact_notification_by_entity('00000000000000a1', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_notification_by_entity(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_peer  CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT n.data FROM contact_notice AS n WHERE n.owner_id = in_owner AND n.peer_id = in_peer;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
