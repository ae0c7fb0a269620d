-- contact_link_status: get the status of the link in an invitation mail, for a user who is signed in.
--
-- Params:   in_owner    user
--           in_secret   secret of the link
-- Returns:  one row     data  JSON: status (nodata: no such link; invalid: meant for another
--                             address; else the status of the entry for the inviter, or register
--                             without one), contact_id, message
-- Errors:   none
-- Example:  CALL contact_link_status('00000000000000a1', 'example');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_link_status(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_secret VARCHAR(255)
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT(
        'status', CASE
            WHEN t.id IS NULL THEN 'nodata'
            WHEN t.email <> me.email AND COALESCE(t.accepted_by, '') <> me.id THEN 'invalid'
            ELSE COALESCE(c.status, 'register')
        END,
        'contact_id', c.id,
        'message', c.message
    ) AS data
    FROM yp.drumate AS me
    LEFT JOIN yp.token AS t ON t.id = SHA2(in_secret, 256) AND t.method = 'signup'
    LEFT JOIN contact AS c ON c.owner_id = me.id AND c.peer_id = t.inviter_id
        AND (t.email = me.email OR t.accepted_by = me.id)
    WHERE me.id = in_owner
    LIMIT 1;
END$$
DELIMITER ;
