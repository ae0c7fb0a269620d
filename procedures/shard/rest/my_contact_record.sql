-- my_contact_record: get one contact as the REST API shows it.
--
-- Params:   in_owner     owner of the address book
--           in_id        contact
--           in_deleted   1: also from the trash
-- Returns:  at most one row   data  JSON, the record; rev: its revision
-- Errors:   none
-- Example:  CALL my_contact_record('00000000000000a1', '0000000000000c01', 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_record(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_id      CHAR(16) COLLATE ascii_bin,
    IN in_deleted TINYINT
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT r.record AS data, r.rev
    FROM contact_record AS r
    WHERE r.owner_id = in_owner AND r.contact_id = in_id
      AND (r.state = 'active' OR (r.state = 'deleted' AND in_deleted = 1));
END$$
DELIMITER ;
