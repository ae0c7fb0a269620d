-- contact_link_status: what the link of an invitation mail is good for, for somebody who is signed in.
--
-- Params:   in_owner    who asks
--           in_secret   what the link holds
-- Returns:  one row     data  JSON: status (nodata: no such link; invalid: meant for another address; else the
--                             status of his entry about the inviter, or register when he has none), contact_id, message
-- Errors:   none
-- Example:  CALL contact_link_status('00000000000000a1', 'example');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_link_status(
    IN in_owner  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
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
