-- my_contact_delete: delete an entry of the owner's address book permanently.
--
-- Params:   in_owner   owner of the address book
--           in_id      contact, not in the trash
-- Returns:  as contact_purge
-- Errors:   CONACT_NOT_EXIST   no such contact of the owner
-- Needs:    a transaction
-- Example:  CALL my_contact_delete('00000000000000a1', '0000000000000c01');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_delete(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id, v_peer CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL contact_lock(in_owner, in_id, '{}', v_id, v_peer);
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONACT_NOT_EXIST';
    END IF;
    CALL contact_purge(in_owner, v_id);
END$$
DELIMITER ;
