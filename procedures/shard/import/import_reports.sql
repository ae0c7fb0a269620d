-- import_reports: list the imports of the owner, newest first.
--
-- Params:   in_owner   owner of the address book
--           in_size    imports at most
-- Returns:  rows       data  JSON, a report (import_card)
-- Errors:   none
-- Example:  CALL import_reports('00000000000000a1', 100);
DELIMITER $$
CREATE OR REPLACE PROCEDURE import_reports(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_size  INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT k.data
    FROM import_card AS k
    WHERE k.owner_id = in_owner
    ORDER BY k.ctime DESC, k.began_at DESC, k.id
    LIMIT in_size;
END$$
DELIMITER ;
