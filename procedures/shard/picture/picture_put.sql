-- picture_put: store the picture of a contact, in place of its old one. The caller checks in the
-- same transaction that the contact exists.
--
-- Params:   in_owner     owner of the address book
--           in_id        contact
--           in_type      image/png, image/jpeg, image/webp or image/gif
--           in_content   the file in base64, because the driver sends no bytes
-- Returns:  one row      hash  SHA-256 of the content
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL picture_put('00000000000000a1', '0000000000000c01', 'image/gif', 'R0lGODlh');
DELIMITER $$
CREATE OR REPLACE PROCEDURE picture_put(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_id      CHAR(16) COLLATE ascii_bin,
    IN in_type    VARCHAR(32) COLLATE ascii_bin,
    IN in_content LONGTEXT COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_content MEDIUMBLOB DEFAULT FROM_BASE64(in_content);
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT INTO contact_picture (owner_id, contact_id, type, hash, content, mtime)
    VALUES (in_owner, in_id, in_type, SHA2(v_content, 256), v_content, UNIX_TIMESTAMP())
    ON DUPLICATE KEY UPDATE
        type = VALUES(type), hash = VALUES(hash), content = VALUES(content), mtime = VALUES(mtime);
    SELECT SHA2(v_content, 256) AS hash;
END$$
DELIMITER ;
