-- picture_move: move the picture of one contact to another.
--
-- Params:   in_owner   owner of the address book
--           in_from    contact that has it
--           in_to      contact that gets it, in place of its own
-- Returns:  at most one row   hash  SHA-256 of the content; no row: there was no picture
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL picture_move('00000000000000a1', '0000000000000c01', '0000000000000c02');
DELIMITER $$
CREATE OR REPLACE PROCEDURE picture_move(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_from  CHAR(16) COLLATE ascii_bin,
    IN in_to    CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_hash CHAR(64) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT hash INTO v_hash
    FROM contact_picture
    WHERE owner_id = in_owner AND contact_id = in_from AND replaced_at IS NULL
    FOR UPDATE;
    IF v_hash IS NOT NULL THEN
        UPDATE contact_picture
        SET replaced_at = UNIX_TIMESTAMP()
        WHERE owner_id = in_owner AND contact_id = in_to AND replaced_at IS NULL;
        DELETE FROM contact_picture WHERE owner_id = in_owner AND contact_id = in_to AND hash = v_hash;
        UPDATE contact_picture
        SET contact_id = in_to
        WHERE owner_id = in_owner AND contact_id = in_from AND hash = v_hash;
        SELECT v_hash AS hash;
    END IF;
END$$
DELIMITER ;
