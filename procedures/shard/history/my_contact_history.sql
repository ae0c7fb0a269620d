-- my_contact_history: list the changes of a contact in the last 30 days, newest first.
--
-- Params:   in_owner    owner of the address book
--           in_id       contact, in the address book or in the trash
--           in_before   changes before this revision, or NULL for the newest
--           in_limit    rows at most
-- Returns:  rows       rev, event, at (unix time), actor (uid or NULL), name (of the actor, or NULL), api
--                      (NULL: a change by hand), change_set, record, private (both before the change,
--                      or NULL)
--           one row    record, private: after the first of these changes; more: 1 when there are older ones
-- Errors:   CONTACT_NOT_FOUND   no such contact of the owner
-- Example:  CALL my_contact_history('00000000000000a1', '0000000000000c01', NULL, 20);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_history(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_id     CHAR(16) COLLATE ascii_bin,
    IN in_before BIGINT UNSIGNED,
    IN in_limit  INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_id CHAR(16) COLLATE ascii_bin;
    DECLARE v_record, v_private LONGTEXT;
    DECLARE v_count INT UNSIGNED;

    SELECT c.id, r.record, r.private INTO v_id, v_record, v_private
    FROM contact AS c
    LEFT JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = c.id
    WHERE c.owner_id = in_owner AND c.id = in_id AND c.box <> 'hidden';
    IF v_id IS NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    END IF;
    IF in_before IS NOT NULL THEN
        SELECT before_record, before_private INTO v_record, v_private
        FROM contact_event FORCE INDEX (by_contact)
        WHERE owner_id = in_owner AND contact_id = in_id AND rev >= in_before AND at > 0
        ORDER BY rev
        LIMIT 1;
    END IF;
    SELECT COUNT(*) INTO v_count
    FROM contact_event FORCE INDEX (by_contact)
    WHERE owner_id = in_owner AND contact_id = in_id AND rev < COALESCE(in_before, ~0) AND at > 0;

    SELECT e.rev, e.event, e.at, e.actor, d.fullname AS name, e.api, e.change_set, e.before_record AS record,
           e.before_private AS private
    FROM contact_event AS e FORCE INDEX (by_contact)
    LEFT JOIN yp.drumate AS d ON d.id = e.actor
    WHERE e.owner_id = in_owner AND e.contact_id = in_id AND e.rev < COALESCE(in_before, ~0) AND e.at > 0
    ORDER BY e.rev DESC
    LIMIT in_limit;
    SELECT v_record AS record, v_private AS private, IF(v_count > in_limit, 1, 0) AS more;
END$$
DELIMITER ;
