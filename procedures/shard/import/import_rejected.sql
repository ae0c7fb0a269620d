-- import_rejected: list the texts of cards or rows that an import rejected, in the order of the file: as many
-- as fit into a megabyte, and one at least.
--
-- Params:   in_owner   owner of the address book
--           in_id      import id
--           in_after   position of the last text of the page before, or 0
--           in_size    texts at most
-- Returns:  one row    kind; head: the lines of a table before its first row, or ''
--           rows       position, source
-- Errors:   IMPORT_NOT_FOUND   no such import of the owner, or it is too long ago
-- Example:  CALL import_rejected('00000000000000a1', '0000000000000f01', 0, 100);
DELIMITER $$
CREATE OR REPLACE PROCEDURE import_rejected(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    VARCHAR(64) COLLATE ascii_bin,
    IN in_after INT UNSIGNED,
    IN in_size  INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF NOT EXISTS (SELECT 1 FROM import_report WHERE owner_id = in_owner AND id = in_id) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'IMPORT_NOT_FOUND';
    END IF;
    SELECT kind, COALESCE(head, '') AS head FROM import_report WHERE owner_id = in_owner AND id = in_id;
    SELECT e.position, e.source
    FROM (
        SELECT p.position, SUM(p.bytes) OVER (ORDER BY p.position) - p.bytes AS bytes_before
        FROM (
            SELECT position, OCTET_LENGTH(source) AS bytes
            FROM import_entry
            WHERE owner_id = in_owner AND import_id = in_id AND outcome = 'rejected'
              AND position > in_after AND source IS NOT NULL
            ORDER BY position
            LIMIT in_size
        ) AS p
    ) AS s
    STRAIGHT_JOIN import_entry AS e FORCE INDEX (PRIMARY)
       ON e.owner_id = in_owner AND e.import_id = in_id AND e.position = s.position
      AND e.outcome = 'rejected'
    WHERE s.bytes_before < 1000000
    ORDER BY s.position;
END$$
DELIMITER ;
