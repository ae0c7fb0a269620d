-- chat_peer: find the uid of a user by uid, email, user name, or contact id of the owner.
--
-- Params:   in_owner   owner of the address book
--           in_key     uid, email, user name or contact id
-- Returns:  a value    uid, or NULL
-- Errors:   none
-- Example:  SELECT chat_peer('00000000000000a1', '00000000000000b1');
DELIMITER $$
CREATE OR REPLACE FUNCTION chat_peer(
    in_owner CHAR(16) COLLATE ascii_bin,
    in_key   VARCHAR(255) COLLATE utf8mb4_bin
)
    RETURNS CHAR(16) COLLATE ascii_bin
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    RETURN COALESCE(
        (SELECT peer_id FROM contact
         WHERE owner_id = in_owner AND id = parse_id(in_key)),
        yp.drumate_find(in_key)
    );
END$$
DELIMITER ;
