-- import_report_end: end an import. One that has ended stays as it is.
--
-- Params:   in_owner    owner of the address book
--           in_id       import id
--           in_state    done, cancelled or failed
--           in_reason   of a failure, or NULL
-- Returns:  one row     data  JSON, the report (import_card); ended_now: 1 when this call has ended it
-- Errors:   IMPORT_NOT_FOUND   no such import of the owner
-- Needs:    a transaction
-- Example:  CALL import_report_end('00000000000000a1', '0000000000000f01', 'done', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE import_report_end(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_id     VARCHAR(64) COLLATE ascii_bin,
    IN in_state  VARCHAR(16) COLLATE ascii_bin,
    IN in_reason VARCHAR(64) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_state VARCHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT state INTO v_state FROM import_report WHERE owner_id = in_owner AND id = in_id FOR UPDATE;
    IF v_state IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'IMPORT_NOT_FOUND';
    END IF;
    UPDATE import_report
    SET state = in_state,
        reason = in_reason,
        percent = IF(in_state = 'done', 100, percent),
        ended = UNIX_TIMESTAMP()
    WHERE owner_id = in_owner AND id = in_id AND state = 'running';
    SELECT k.data, IF(v_state = 'running', 1, 0) AS ended_now
    FROM import_card AS k
    WHERE k.owner_id = in_owner AND k.id = in_id;
END$$
DELIMITER ;
