-- contact_group_lock: lock the owner of a group, then the group.
--
-- Params:   in_owner   owner of the group
--           in_key     id or name
--           out_id     id of the group
-- Returns:  nothing
-- Errors:   GROUP_NOT_FOUND   no such group
-- Needs:    a transaction
-- Example:  CALL contact_group_lock('00000000000000a1', 'Pioneers', @id);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_group_lock(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_key   VARCHAR(255),
    OUT out_id  CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    -- lock only: the lock of the owner is written
    SELECT id INTO out_id
    FROM contact_group
    WHERE owner_id = in_owner AND id = contact_group_find(in_owner, in_key)
    FOR UPDATE;
    IF out_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'GROUP_NOT_FOUND';
    END IF;
END$$
DELIMITER ;
