-- drumate_online_state: list the users that the owner is related to, each offline, online or in a conference.
--
-- Users who are blocked, or who blocked the owner, are left out.
--
-- Params:   in_owner   owner of the address book
-- Returns:  rows       data  JSON: user_id, his_id, uid (all the other user), his_state (0, 1 or 2),
--                            contact_id, firstname, lastname
-- Errors:   none
-- Example:  CALL drumate_online_state('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE drumate_online_state(
    IN in_owner CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT(
        'user_id', c.uid, 'his_id', c.uid, 'uid', c.uid, 'contact_id', c.id,
        'firstname', c.firstname, 'lastname', c.lastname,
        'his_state', CASE
            WHEN EXISTS (SELECT 1 FROM yp.conference AS r WHERE r.uid = c.uid) THEN 2
            WHEN EXISTS (SELECT 1 FROM yp.socket AS s WHERE s.uid = c.uid AND s.state <> 'idle') THEN 1
            ELSE 0
        END
    ) AS data
    FROM contact AS c
    WHERE c.owner_id = in_owner
      AND c.status IN ('active', 'informed')
      AND c.uid IS NOT NULL
      AND NOT EXISTS (
        SELECT 1 FROM yp.contact_block AS b
        WHERE (b.owner_id = in_owner AND b.uid = c.uid) OR (b.owner_id = c.uid AND b.uid = in_owner)
      );
END$$
DELIMITER ;
