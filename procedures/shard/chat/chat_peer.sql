-- chat_peer: uid of a person by uid, email, user name, or the owner's contact id.
--
-- Params:   in_owner   whose address book
--           in_key     what is known
-- Returns:  a value    uid, or NULL
-- Errors:   none
-- Example:  SELECT chat_peer('00000000000000a1', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE FUNCTION chat_peer(
    in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    in_key   VARCHAR(255) COLLATE utf8mb4_bin
)
    RETURNS CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    RETURN COALESCE(
        (SELECT peer_id FROM contact
         WHERE owner_id = in_owner AND id = as_id(in_key)),
        yp.drumate_find(in_key)
    );
END$$
DELIMITER ;
