-- my_contact_past: return a contact as it was at a revision of the address book.
--
-- Params:   in_owner   owner of the address book
--           in_id      contact, in the address book or in the trash
--           in_to      revision
-- Returns:  one row    record, private (as contact_record has them; either may be NULL for a contact that is
--                      older than the history); deleted: 1 when it was in the trash; is_deleted: 1 when
--                      it is there now
-- Errors:   CONTACT_NOT_FOUND   no such contact of the owner
--           NO_SUCH_STATE       the revision is in the future, or before the contact was created
--           NO_HISTORY          the history does not go back that far
-- Example:  CALL my_contact_past('00000000000000a1', '0000000000000c01', 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_past(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    CHAR(16) COLLATE ascii_bin,
    IN in_to    BIGINT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_record, v_private LONGTEXT;
    DECLARE v_is_deleted TINYINT;
    DECLARE v_event VARCHAR(8) COLLATE ascii_bin;
    DECLARE v_rev, v_dropped_rev BIGINT UNSIGNED DEFAULT 0;
    DECLARE v_at INT UNSIGNED;

    -- Repeats my_contact_history, which needs less of it
    SELECT c.id, c.box = 'trash', r.record, r.private INTO v_id, v_is_deleted, v_record, v_private
    FROM contact AS c
    LEFT JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = c.id
    WHERE c.owner_id = in_owner AND c.id = in_id AND c.box <> 'hidden';
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    END IF;
    SELECT rev, event_rev INTO v_rev, v_dropped_rev FROM contact_ledger WHERE owner_id = in_owner;
    IF in_to > v_rev THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{"code": "NO_SUCH_STATE", "field": "to",'
            ' "reason": "later than all changes"}';
    END IF;

    -- the state at a revision is the one before the next change
    SELECT event, at, IF(event = 'created', v_record, before_record), before_private
    INTO v_event, v_at, v_record, v_private
    FROM contact_event FORCE INDEX (by_contact)
    WHERE owner_id = in_owner AND contact_id = in_id AND rev > in_to
    ORDER BY rev
    LIMIT 1;
    IF v_at = 0 OR v_event IS NOT NULL AND in_to < v_dropped_rev THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'NO_HISTORY';
    ELSEIF v_event = 'created' THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{"code": "NO_SUCH_STATE", "field": "to",'
            ' "reason": "before the contact was created"}';
    END IF;
    SELECT v_record AS record, v_private AS private,
           IF(JSON_VALUE(v_record, '$.deleted_at') IS NULL, 0, 1) AS deleted, v_is_deleted AS is_deleted;
END$$
DELIMITER ;
