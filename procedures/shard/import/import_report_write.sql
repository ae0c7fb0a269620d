-- import_report_write: add to the report of a running import, in the transaction that stores its contacts.
--
-- Nothing of an import that somebody has ended is stored: the refusal undoes the transaction. Without counts
-- and entries the call says that the import is alive.
--
-- Params:   in_owner     owner of the address book
--           in_id        import id
--           in_counts    JSON: loaded, updated, known, rejected, noemail (all to be added); percent, details
--                        (object that is merged), head (replaced); each may be absent
--           in_entries   JSON array: position, line, outcome (rejected, known, updated, incomplete), name,
--                        reason, contact_id, changes (object), source; the last four may be absent
-- Returns:  nothing
-- Errors:   IMPORT_ENDED   the import does not run any more
-- Needs:    a transaction
-- Example:  CALL import_report_write('00000000000000a1', '0000000000000f01', '{"loaded": 1}', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE import_report_write(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_id      CHAR(16) COLLATE ascii_bin,
    IN in_counts  LONGTEXT,
    IN in_entries LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_state VARCHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT state INTO v_state FROM import_report WHERE owner_id = in_owner AND id = in_id FOR UPDATE;
    IF COALESCE(v_state, '') <> 'running' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'IMPORT_ENDED';
    END IF;
    UPDATE import_report
    SET loaded = loaded + COALESCE(JSON_VALUE(in_counts, '$.loaded'), 0),
        updated = updated + COALESCE(JSON_VALUE(in_counts, '$.updated'), 0),
        known = known + COALESCE(JSON_VALUE(in_counts, '$.known'), 0),
        rejected = rejected + COALESCE(JSON_VALUE(in_counts, '$.rejected'), 0),
        noemail = noemail + COALESCE(JSON_VALUE(in_counts, '$.noemail'), 0),
        percent = COALESCE(JSON_VALUE(in_counts, '$.percent'), percent),
        details = JSON_MERGE_PATCH(details, COALESCE(JSON_QUERY(in_counts, '$.details'), '{}')),
        head = COALESCE(JSON_VALUE(in_counts, '$.head'), head),
        beat = UNIX_TIMESTAMP()
    WHERE owner_id = in_owner AND id = in_id;

    INSERT INTO import_entry (owner_id, import_id, position, line, outcome, name, reason, contact_id, changes,
                              source)
    SELECT in_owner, in_id, j.position, j.line, j.outcome, COALESCE(j.name, ''), COALESCE(j.reason, ''),
           j.contact_id, j.changes, j.source
    FROM JSON_TABLE(in_entries, '$[*]' COLUMNS (
        position   INT UNSIGNED PATH '$.position',
        line       INT UNSIGNED PATH '$.line',
        outcome    VARCHAR(16) COLLATE ascii_bin PATH '$.outcome',
        name       VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.name',
        reason     VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.reason',
        contact_id CHAR(16) COLLATE ascii_bin PATH '$.contact_id',
        changes    JSON PATH '$.changes',
        source     MEDIUMTEXT COLLATE utf8mb4_unicode_520_ci PATH '$.source'
    )) AS j;
END$$
DELIMITER ;
