-- my_contact_peer_check: refuse people who can not be a contact of the owner.
--
-- Params:   in_owner   whose address book
--           in_peer    uid of the registered person, or NULL when he is not registered
-- Returns:  nothing
-- Errors:   SELF_CONTACT   the owner himself
--           SAME_DOMAIN    a colleague: domain greater than 1, and the same
-- Example:  CALL my_contact_peer_check('00000000000000a1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_peer_check(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_peer  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF in_peer = in_owner THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SELF_CONTACT';
    END IF;
    IF EXISTS (
        SELECT 1
        FROM yp.drumate AS me
        JOIN yp.drumate AS peer ON peer.domain_id = me.domain_id
        WHERE me.id = in_owner AND peer.id = in_peer AND me.domain_id > 1
    ) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SAME_DOMAIN';
    END IF;
END$$
DELIMITER ;
