-- my_contact_book: list all active contacts of the owner, with the groups of each.
--
-- The groups are a second result set, because a list for every contact would cost more than all the rest.
--
-- Params:   in_owner   owner of the address book
-- Returns:  rows       id, name, email ('' when none), by name
--           rows       contact_id, group_id, name of the group
-- Errors:   none
-- Example:  CALL my_contact_book('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_book(
    IN in_owner CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT c.id,
           c.full_name AS name,
           COALESCE(c.email, IF(c.uid IS NULL, NULL, d.email), '') AS email
    FROM contact AS c
    LEFT JOIN yp.drumate AS d ON d.id = c.peer_id
    WHERE c.owner_id = in_owner AND c.box = 'active'
    ORDER BY c.full_name, c.id;

    SELECT m.contact_id, g.id AS group_id, g.name
    FROM contact_group AS g
    JOIN contact_group_member AS m ON m.owner_id = g.owner_id AND m.group_id = g.id
    WHERE g.owner_id = in_owner
    ORDER BY g.name, g.id;
END$$
DELIMITER ;
