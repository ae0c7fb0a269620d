-- notification_center: what waits for the owner: invitations, and conversations with something unread.
--
-- Params:   in_owner   whose
-- Returns:  rows       data  JSON: category contact (all invitations in one row, hub_id the owner) or chat (a row a
--                            conversation, hub_id the other person); cnt, ctime, names
-- Errors:   none
-- Example:  CALL notification_center('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE notification_center(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT('hub_id', in_owner, 'key_id', in_owner, 'category', 'contact', 'cnt', COUNT(*),
                       'ctime', MAX(c.mtime)) AS data
    FROM contact AS c
    WHERE c.owner_id = in_owner
      AND c.status IN ('received', 'invitation', 'informed')
      AND NOT yp.is_blocked(in_owner, c.peer_id)
    HAVING COUNT(*) > 0
    UNION ALL
    SELECT JSON_OBJECT('hub_id', u.peer_id, 'category', 'chat', 'cnt', u.cnt, 'ctime', u.ctime,
                       'entity_id', u.peer_id, 'drumate_id', u.peer_id, 'contact_id', c.id,
                       'firstname', COALESCE(c.firstname, d.firstname),
                       'lastname', COALESCE(c.lastname, d.lastname),
                       'fullname', COALESCE(c.display, d.fullname), 'surname', COALESCE(c.display, d.fullname))
    FROM (
        SELECT peer_id, COUNT(*) AS cnt, MAX(ctime) AS ctime
        FROM message
        WHERE owner_id = in_owner AND is_read = 0
        GROUP BY peer_id
    ) AS u
    JOIN yp.drumate AS d ON d.id = u.peer_id
    LEFT JOIN contact AS c ON c.owner_id = in_owner AND c.peer_id = u.peer_id;
END$$
DELIMITER ;
