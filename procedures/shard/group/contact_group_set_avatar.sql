-- contact_group_set_avatar: set or remove the picture of a group.
--
-- Params:   in_owner      owner of the group
--           in_key        id or name of the group
--           in_avatar     image among the owner's nodes; NULL or '' for none
--           in_picture    content of a picture instead, base64, or NULL
--           in_mimetype   media type of that picture
-- Returns:  one row       data  JSON (group_card)
--           rows          node, sockets: open sockets of the owner
-- Errors:   GROUP_NOT_FOUND   no such group
--           NODE_NOT_FOUND    no such image
-- Needs:    a transaction
-- Example:  CALL contact_group_set_avatar('00000000000000a1', 'Pioneers', NULL, NULL, NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_set_avatar(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_key      VARCHAR(255),
    IN in_avatar   VARCHAR(64) COLLATE ascii_bin,
    IN in_picture  LONGTEXT COLLATE ascii_bin,
    IN in_mimetype VARCHAR(32) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_images INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL contact_group_lock(in_owner, in_key, v_id);
    SELECT COUNT(*) INTO v_images FROM media
    WHERE owner_id = in_owner AND id = in_avatar AND category = 'image';
    IF COALESCE(in_avatar, '') <> '' AND v_images = 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NODE_NOT_FOUND';
    END IF;

    DELETE FROM contact_group_picture WHERE owner_id = in_owner AND group_id = v_id;
    IF in_picture IS NOT NULL THEN
        INSERT INTO contact_group_picture (owner_id, group_id, mimetype, picture)
        VALUES (in_owner, v_id, in_mimetype, FROM_BASE64(in_picture));
    END IF;
    -- the id depends on the content alone, so browsers may cache a picture for ever
    UPDATE contact_group
    SET avatar = COALESCE(LEFT(SHA2(in_picture, 256), 16), NULLIF(in_avatar, '')), mtime = UNIX_TIMESTAMP()
    WHERE owner_id = in_owner AND id = v_id;
    SELECT k.data FROM group_card AS k WHERE k.owner_id = in_owner AND k.id = v_id;
    CALL yp.user_sockets(in_owner, NULL);
END$$
DELIMITER ;
