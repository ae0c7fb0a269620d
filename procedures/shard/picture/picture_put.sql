-- picture_put: store the picture of a contact, in place of its old one. The caller checks in the
-- same transaction that the contact exists. The last five former pictures stay for the undo
-- (my_history_expire).
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
    DECLARE v_hash CHAR(64) COLLATE ascii_bin DEFAULT SHA2(v_content, 256);
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE contact_picture
    SET replaced_at = UNIX_TIMESTAMP()
    WHERE owner_id = in_owner AND contact_id = in_id AND replaced_at IS NULL AND hash <> v_hash;
    INSERT INTO contact_picture (owner_id, contact_id, type, hash, content, mtime)
    VALUES (in_owner, in_id, in_type, v_hash, v_content, UNIX_TIMESTAMP())
    ON DUPLICATE KEY UPDATE mtime = UNIX_TIMESTAMP(), replaced_at = NULL;
    DELETE p
    FROM contact_picture AS p
    JOIN (
        SELECT k.hash, ROW_NUMBER() OVER (ORDER BY k.replaced_at DESC, k.mtime DESC, k.hash) AS turn
        FROM contact_picture AS k
        WHERE k.owner_id = in_owner AND k.contact_id = in_id AND k.replaced_at IS NOT NULL
    ) AS n ON n.hash = p.hash
    WHERE p.owner_id = in_owner AND p.contact_id = in_id AND n.turn > 5;
    SELECT v_hash AS hash;
END$$
DELIMITER ;
