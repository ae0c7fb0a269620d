-- my_contact_entity: who is meant by a list of addresses: the default one, and the registered person behind it.
--
-- Params:   in_owner     whose address book
--           in_contact   JSON with email, an array of objects
--           out_email    the default address
--           out_peer     uid of the person registered with it, or NULL
-- Returns:  nothing
-- Errors:   MANY_DEFAULT_EMAIL   more than one default address
--           NO_DEFAULT_MAIL      none is the default one
--           SELF_CONTACT         one of them is the owner's own
-- Example:  CALL my_contact_entity('00000000000000a1', '{"email": [{"email": "a@b.example", "is_default": 1}]}', @e, @p);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_entity(
    IN in_owner   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_contact LONGTEXT,
    OUT out_email VARCHAR(255) COLLATE utf8mb4_bin,
    OUT out_peer  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_defaults, v_self INT UNSIGNED;

    SELECT COALESCE(SUM(j.is_default = 1), 0),
           COALESCE(SUM(j.email = me.email), 0),
           MAX(IF(j.is_default = 1, j.email, NULL))
    INTO v_defaults, v_self, out_email
    FROM JSON_TABLE(in_contact, '$.email[*]' COLUMNS (
        email      VARCHAR(255) PATH '$.email',
        is_default TINYINT PATH '$.is_default' DEFAULT '0' ON EMPTY
    )) AS j
    JOIN yp.drumate AS me ON me.id = in_owner;

    IF v_defaults > 1 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MANY_DEFAULT_EMAIL';
    ELSEIF v_defaults = 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NO_DEFAULT_MAIL';
    ELSEIF v_self > 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'SELF_CONTACT';
    END IF;

    -- not SET out_peer = (SELECT …), which would lock the row before the pair is locked
    SELECT MAX(id) INTO out_peer FROM yp.drumate WHERE email = out_email;
END$$
DELIMITER ;
