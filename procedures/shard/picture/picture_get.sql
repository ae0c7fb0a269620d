-- picture_get: get the picture of a contact; none while the contact is in the trash, or when its avatar_path
-- names another one.
--
-- Params:   in_owner   owner of the address book
--           in_id      contact
--           in_known   hash of the picture that the caller has, or NULL
-- Returns:  at most one row   type, hash, content (NULL when in_known is its hash)
-- Errors:   none
-- Example:  CALL picture_get('00000000000000a1', '0000000000000c01', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE picture_get(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    CHAR(16) COLLATE ascii_bin,
    IN in_known CHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT p.type, p.hash, IF(p.hash <=> in_known, NULL, p.content) AS content
    FROM contact_picture AS p
    JOIN contact AS c ON c.owner_id = p.owner_id AND c.id = p.contact_id
    WHERE p.owner_id = in_owner AND p.contact_id = in_id AND c.box NOT IN ('hidden', 'trash')
      AND p.replaced_at IS NULL AND c.avatar_path LIKE CONCAT('%/avatar/', LEFT(p.hash, 16));
END$$
DELIMITER ;
