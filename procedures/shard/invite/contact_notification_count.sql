-- contact_notification_count: count the invitations and unseen acceptances that wait for the owner.
--
-- Params:   in_owner   owner of the address book
-- Returns:  one row    data  JSON: count, cnt (the same)
-- Errors:   none
-- Example:  CALL contact_notification_count('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_notification_count(
    IN in_owner CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT('count', COUNT(*), 'cnt', COUNT(*)) AS data
    FROM contact AS c
    WHERE c.owner_id = in_owner
      AND c.status IN ('received', 'invitation', 'informed')
      AND NOT yp.is_blocked(in_owner, c.peer_id);
END$$
DELIMITER ;
