-- contact_notification_get: list the invitations and unseen acceptances that wait for the owner.
--
-- Params:   in_owner   owner of the address book
-- Returns:  rows       data  JSON (contact_notice), newest first; without blocked users
-- Errors:   none
-- Example:  CALL contact_notification_get('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_notification_get(
    IN in_owner CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT n.data
    FROM contact_notice AS n
    WHERE n.owner_id = in_owner
      AND n.status IN ('received', 'invitation', 'informed')
      AND NOT yp.is_blocked(in_owner, n.peer_id)
    ORDER BY n.mtime DESC, n.id;
END$$
DELIMITER ;
