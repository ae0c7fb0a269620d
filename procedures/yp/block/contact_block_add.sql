-- contact_block_add: block a contact. Blocking a contact twice is harmless.
--
-- Params:   in_owner     user who blocks
--           in_contact   entry in their address book, locked by the caller
--           in_entity    uid or email of the blocked user
--           in_uid       uid of the blocked user when registered, else NULL
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_block_add('00000000000000a1', '0000000000000c01', 'x@example.com', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_block_add(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_contact CHAR(16) COLLATE ascii_bin,
    IN in_entity  VARCHAR(255) COLLATE utf8mb4_bin,
    IN in_uid     CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT INTO contact_block (owner_id, contact_id, entity, uid, ctime)
    VALUES (in_owner, in_contact, in_entity, in_uid, UNIX_TIMESTAMP())
    ON DUPLICATE KEY UPDATE entity = VALUES(entity), uid = VALUES(uid);
END$$
DELIMITER ;
