-- webhook_contacts: write the changes of an address book for the subscriptions of its owner and of the site.
--
-- Callers:  the end of a transaction (service/store/database.py)
-- Params:   in_uid       owner of the address book
--           in_changes   JSON array of type and data, in the order of revisions (contact_event_collect);
--                        NULL: nothing has changed, or nobody wants it
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL webhook_contacts('00000000000000a1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE webhook_contacts(
    IN in_uid     CHAR(16) COLLATE ascii_bin,
    IN in_changes LONGTEXT COLLATE utf8mb4_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    IF in_changes IS NOT NULL THEN
        INSERT INTO webhook_delivery (webhook_id, type, at, data)
        SELECT w.id, j.type, FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000), j.data
        FROM JSON_TABLE(in_changes, '$[*]' COLUMNS (
            place FOR ORDINALITY,
            type  VARCHAR(32) COLLATE ascii_bin PATH '$.type',
            data  LONGTEXT COLLATE utf8mb4_bin PATH '$.data'
        )) AS j
        JOIN webhook AS w ON w.uid IN (in_uid, '') AND w.is_full = 0
        WHERE webhook_takes(w.events, j.type)
        ORDER BY j.place, w.id;
    END IF;
END$$
DELIMITER ;
