-- my_contact_clash: which of the addresses given to a contact belongs to another one, for who is refused.
--
-- Params:   in_owner     whose address book
--           in_id        contact that was to get them
--           in_contact   JSON with email, an array of objects
-- Returns:  a value      place and address, short enough for a signal: emails[1].address ada@x.example; NULL: none of them
-- Errors:   none
-- Example:  SELECT my_contact_clash('00000000000000a1', '0000000000000c01', '{"email": [{"email": "ada@math.example"}]}');
DELIMITER $$
CREATE OR REPLACE FUNCTION my_contact_clash(
    in_owner   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    in_id      CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    in_contact LONGTEXT
)
    RETURNS VARCHAR(128)
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_found VARCHAR(128);

    -- a default address stands for a person, whom another entry may be about
    SELECT CONCAT('emails[', j.position - 1, '].address ', IF(CHAR_LENGTH(j.email) > 90, CONCAT(LEFT(j.email, 89), '…'), j.email)) INTO v_found
    FROM JSON_TABLE(in_contact, '$.email[*]' COLUMNS (
        position   FOR ORDINALITY,
        email      VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin PATH '$.email',
        is_default TINYINT PATH '$.is_default' DEFAULT '0' ON EMPTY
    )) AS j
    LEFT JOIN yp.drumate AS d ON d.email = j.email AND j.is_default = 1
    WHERE EXISTS (SELECT 1 FROM contact_email AS e WHERE e.owner_id = in_owner AND e.email = j.email AND e.contact_id <> in_id)
       OR EXISTS (
        SELECT 1 FROM contact AS c
        WHERE c.owner_id = in_owner AND c.id <> in_id AND (c.peer_id = d.id OR (c.entity = j.email AND j.is_default = 1))
       )
    ORDER BY j.position
    LIMIT 1;
    RETURN v_found;
END$$
DELIMITER ;
