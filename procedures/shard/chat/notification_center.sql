-- notification_center: list the people whose invitations, acceptances or unread messages wait for the owner.
--
-- The frontend keeps one item for each hub_id, or for each entity.contact_id of rows without key_id, and
-- reads the number of invitations from the item of the owner. So the newest invitation stands for all of them
-- in its cnt, and the others have keys of their own.
--
-- Params:   in_owner   user
-- Returns:  rows       data  JSON: category contact (one for each of the newest 100 invitations, hub_id the
--                            owner) or chat (one for each conversation, hub_id the peer); area, cnt, ctime,
--                            drumate_id, contact_id, names
--           rows       db_name, hubs (team_hubs): where the conversations of team hubs are
-- Errors:   none
-- Example:  CALL notification_center('00000000000000a1');
DELIMITER $$
CREATE OR REPLACE PROCEDURE notification_center(
    IN in_owner CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT n.data
    FROM (
        SELECT 1 AS part, w.mtime AS ctime, w.position, JSON_MERGE_PATCH(
            JSON_OBJECT('hub_id', in_owner, 'category', 'contact', 'area', 'personal',
                        'cnt', IF(w.position = 1, w.total, 1), 'ctime', w.mtime,
                        'drumate_id', w.peer_id, 'contact_id', w.id, 'status', w.status,
                        'firstname', COALESCE(w.firstname, d.firstname),
                        'lastname', COALESCE(w.lastname, d.lastname),
                        'fullname', IF(w.is_auto = 1, d.fullname, w.display),
                        'surname', IF(w.is_auto = 1, d.fullname, w.display)),
            IF(w.position = 1, JSON_OBJECT('key_id', in_owner),
               JSON_OBJECT('entity', JSON_OBJECT('contact_id', w.id)))
        ) AS data
        FROM (
            SELECT c.id, c.peer_id, c.status, c.mtime, c.firstname, c.lastname, c.display, c.is_auto,
                   ROW_NUMBER() OVER (ORDER BY c.mtime DESC, c.id) AS position, COUNT(*) OVER () AS total
            FROM contact AS c
            WHERE c.owner_id = in_owner
              AND c.status IN ('received', 'invitation', 'informed')
              AND NOT c.dismissed <=> c.changed
              AND NOT yp.is_blocked(in_owner, c.peer_id)
        ) AS w
        JOIN yp.drumate AS d ON d.id = w.peer_id
        WHERE w.position <= 100
        UNION ALL
        SELECT 2, u.ctime, 1, JSON_OBJECT(
            'hub_id', u.peer_id, 'category', 'chat', 'area', 'personal', 'cnt', u.cnt, 'ctime', u.ctime,
            'entity_id', u.peer_id, 'drumate_id', u.peer_id, 'contact_id', c.id,
            'firstname', COALESCE(c.firstname, d.firstname), 'lastname', COALESCE(c.lastname, d.lastname),
            'fullname', COALESCE(c.display, d.fullname), 'surname', COALESCE(c.display, d.fullname)
        )
        FROM (
            SELECT peer_id, COUNT(*) AS cnt, MAX(ctime) AS ctime
            FROM message
            WHERE owner_id = in_owner AND is_read = 0
            GROUP BY peer_id
        ) AS u
        JOIN yp.drumate AS d ON d.id = u.peer_id
        LEFT JOIN contact AS c ON c.owner_id = in_owner AND c.peer_id = u.peer_id
    ) AS n
    ORDER BY n.part, n.ctime DESC, n.position;
    CALL team_hubs(in_owner);
END$$
DELIMITER ;
