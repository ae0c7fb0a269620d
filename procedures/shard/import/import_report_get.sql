-- import_report_get: get the report of an import, and the first contacts that it did not simply load.
--
-- Params:   in_owner   owner of the address book
--           in_id      import id
--           in_size    entries of each kind at most
-- Returns:  one row    data  JSON, the report (import_card)
--           rows       data  JSON, entries that were rejected, in the order of the file (import_entries)
--           rows       data  JSON, entries that were known or updated
--           rows       data  JSON, contacts that lost something: line, name, losses (array of reasons)
-- Errors:   IMPORT_NOT_FOUND   no such import of the owner, or it is too long ago
-- Example:  CALL import_report_get('00000000000000a1', '0000000000000f01', 100);
DELIMITER $$
CREATE OR REPLACE PROCEDURE import_report_get(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    VARCHAR(64) COLLATE ascii_bin,
    IN in_size  INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF NOT EXISTS (SELECT 1 FROM import_report WHERE owner_id = in_owner AND id = in_id) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'IMPORT_NOT_FOUND';
    END IF;
    SELECT k.data FROM import_card AS k WHERE k.owner_id = in_owner AND k.id = in_id;
    CALL import_entries(in_owner, in_id, 1, 0, in_size);
    CALL import_entries(in_owner, in_id, 0, 0, in_size);
    SELECT JSON_OBJECT(
        'line', e.line, 'name', e.name, 'losses', JSON_COMPACT(JSON_QUERY(e.changes, '$.losses'))
    ) AS data
    FROM import_entry AS e
    WHERE e.owner_id = in_owner AND e.import_id = in_id AND e.outcome = 'incomplete'
    ORDER BY e.position
    LIMIT in_size;
END$$
DELIMITER ;
