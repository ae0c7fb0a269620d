-- my_contact_email_in_use: find the contact of the owner that has an address; of several, the one that stands
-- for its user, else the oldest.
--
-- Params:   in_owner    owner of the address book
--           in_email    address
--           in_except   contact to ignore, or NULL
-- Returns:  at most one row   data  JSON: id, contact_id, firstname, lastname, surname, entity, email
-- Errors:   none
-- Example:  CALL my_contact_email_in_use('00000000000000a1', 'ada@math.example', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_email_in_use(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_email  VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_except VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT JSON_OBJECT('id', c.id, 'contact_id', c.id, 'firstname', c.firstname, 'lastname', c.lastname,
                       'surname', c.display, 'entity', c.entity, 'email', in_email) AS data
    FROM (
        SELECT id FROM contact WHERE owner_id = in_owner AND entity = in_email
        UNION
        SELECT contact_id FROM contact_email WHERE owner_id = in_owner AND email = in_email
        UNION
        SELECT c.id
        FROM yp.drumate AS d
        JOIN contact AS c ON c.owner_id = in_owner AND c.peer_id = d.id
        WHERE d.email = in_email
    ) AS f
    JOIN contact AS c ON c.owner_id = in_owner AND c.id = f.id
    WHERE c.id <> COALESCE(in_except, '') AND c.deleted_at IS NULL
    ORDER BY c.peer_id IS NULL, c.entity <> in_email, c.ctime, c.id
    LIMIT 1;
END$$
DELIMITER ;
