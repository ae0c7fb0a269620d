-- contact_group_set_avatar: give a group a picture, or none.
--
-- Params:   in_owner   whose group
--           in_key     id or name of the group
--           in_avatar  image among the owner's nodes; NULL or '' for none
-- Returns:  one row    data  JSON (group_card)
--           rows       node, sockets: the owner's open sockets
-- Errors:   GROUP_NOT_FOUND   no such group
--           NODE_NOT_FOUND    no such image
-- Example:  CALL contact_group_set_avatar('00000000000000a1', 'Pioneers', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_set_avatar(
    IN in_owner  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_key    VARCHAR(255),
    IN in_avatar VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_images INT UNSIGNED;

    SELECT id INTO v_id
    FROM contact_group
    WHERE owner_id = in_owner AND id = contact_group_find(in_owner, in_key)
    FOR UPDATE;
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'GROUP_NOT_FOUND';
    END IF;
    SELECT COUNT(*) INTO v_images FROM media WHERE owner_id = in_owner AND id = in_avatar AND category = 'image';
    IF COALESCE(in_avatar, '') <> '' AND v_images = 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NODE_NOT_FOUND';
    END IF;
    UPDATE contact_group SET avatar = NULLIF(in_avatar, ''), mtime = UNIX_TIMESTAMP()
    WHERE owner_id = in_owner AND id = v_id;
    SELECT k.data FROM group_card AS k WHERE k.owner_id = in_owner AND k.id = v_id;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
