-- picture_get: the picture of a contact; none while it lies in the trash.
--
-- Params:   in_owner   whose address book
--           in_id      contact
--           in_known   hash of the picture that the caller has already, or NULL
-- Returns:  at most one row   type, hash, content (NULL when in_known is its hash)
-- Errors:   none
-- Example:  CALL picture_get('00000000000000a1', '0000000000000c01', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE picture_get(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_known CHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT p.type, p.hash, IF(p.hash <=> in_known, NULL, p.content) AS content
    FROM contact_picture AS p
    JOIN contact AS c ON c.owner_id = p.owner_id AND c.id = p.contact_id
    WHERE p.owner_id = in_owner AND p.contact_id = in_id AND c.box <> 'hidden';
END$$
DELIMITER ;
