-- import_entries: list contacts that an import did not simply load, in the order of the file.
--
-- Params:   in_owner      owner of the address book
--           in_id         import id
--           in_rejected   1: those that could not be taken; 0: those that were known
--           in_after      position of the last entry of the page before, or 0
--           in_size       entries at most
-- Returns:  rows          data  JSON: position, line, name, reason; of a known one also contact_id (NULL for
--                               the owner and colleagues), outcome (known, updated), added, missing (what the
--                               contact got, and what it did not get)
-- Errors:   none
-- Example:  CALL import_entries('00000000000000a1', '0000000000000f01', 1, 0, 100);
DELIMITER $$
CREATE OR REPLACE PROCEDURE import_entries(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_id       VARCHAR(64) COLLATE ascii_bin,
    IN in_rejected TINYINT,
    IN in_after    INT UNSIGNED,
    IN in_size     INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT IF(in_rejected = 1,
        JSON_OBJECT('position', e.position, 'line', e.line, 'name', e.name, 'reason', e.reason),
        JSON_OBJECT(
            'position', e.position, 'line', e.line, 'name', e.name, 'reason', e.reason,
            'contact_id', e.contact_id, 'outcome', e.outcome,
            'added', JSON_COMPACT(COALESCE(JSON_QUERY(e.changes, '$.added'), '{}')),
            'missing', JSON_COMPACT(COALESCE(JSON_QUERY(e.changes, '$.missing'), '{}'))
        )
    ) AS data
    FROM import_entry AS e
    WHERE e.owner_id = in_owner AND e.import_id = in_id AND e.position > in_after
      AND e.outcome <> 'incomplete' AND (e.outcome = 'rejected') = in_rejected
    ORDER BY e.position
    LIMIT in_size;
END$$
DELIMITER ;
