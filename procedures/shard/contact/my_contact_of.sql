-- my_contact_of: find the entry in the owner's address book that stands for a registered user.
--
-- Of several entries with the address of the user, it is the one that relates to them. Without one, it is the
-- first that was written with the address as its default; then the oldest that holds it among others.
--
-- Params:   in_owner   owner of the address book
--           in_peer    user
-- Returns:  a value    id of the contact, or NULL
-- Errors:   none
-- Example:  SELECT my_contact_of('00000000000000a1', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE FUNCTION my_contact_of(
    in_owner CHAR(16) COLLATE ascii_bin,
    in_peer  CHAR(16) COLLATE ascii_bin
)
    RETURNS CHAR(16) COLLATE ascii_bin
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_email VARCHAR(255) COLLATE utf8mb4_bin;
    DECLARE v_id CHAR(16) COLLATE ascii_bin;

    -- SELECT … INTO reads without locking; a subquery in RETURN, SET or IF would lock what it reads
    SELECT email INTO v_email FROM yp.drumate WHERE id = in_peer;
    SELECT COALESCE(
        (SELECT id FROM contact WHERE owner_id = in_owner AND peer_id = in_peer LIMIT 1),
        (SELECT id FROM contact WHERE owner_id = in_owner AND entity = v_email AND peer_id IS NULL),
        (SELECT c.id
         FROM contact_email AS e
         JOIN contact AS c ON c.owner_id = e.owner_id AND c.id = e.contact_id
         WHERE e.owner_id = in_owner AND e.email = v_email AND c.peer_id IS NULL AND c.deleted_at IS NULL
         ORDER BY c.ctime, c.id
         LIMIT 1)
    ) INTO v_id;
    RETURN v_id;
END$$
DELIMITER ;
