-- import_report_add: begin the report of an import, which runs from now on.
--
-- Params:   in_owner    owner of the address book
--           in_id       import id, a new one
--           in_report   JSON: api (rpc, rest, shell), kind (vcf, csv, list), filename, update (add, replace,
--                       skip)
-- Returns:  one row     phone_region, own_number (of the owner, or NULL)
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL import_report_add('00000000000000a1', '0000000000000f02',
--           '{"api": "rpc", "kind": "csv", "filename": "a.csv", "update": "skip"}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE import_report_add(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_id     CHAR(16) COLLATE ascii_bin,
    IN in_report LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    INSERT INTO import_report (owner_id, id, api, kind, filename, mode, ctime, beat)
    VALUES (in_owner, in_id, JSON_VALUE(in_report, '$.api'), JSON_VALUE(in_report, '$.kind'),
            LEFT(COALESCE(JSON_VALUE(in_report, '$.filename'), ''), 255),
            JSON_VALUE(in_report, '$.update'), v_now, v_now);
    SELECT JSON_VALUE(d.profile, '$.phone_region') AS phone_region,
           JSON_VALUE(d.profile, '$.mobile') AS own_number
    FROM (SELECT 1) AS one
    LEFT JOIN yp.drumate AS d ON d.id = in_owner;
END$$
DELIMITER ;
