-- my_change_set: list the contacts that a merge, an import or a revert has changed, for its undo.
--
-- Params:   in_owner        owner of the address book
--           in_change_set   id of the change set
-- Returns:  rows            contact_id, name, before_rev (revision before the first of these
--                           changes), is_created (1: the change set has made the contact), merged_into (the
--                           contact that took over this one, or NULL), is_changed (1: changed again),
--                           is_related (1: invited, related or blocked), is_deleted (1: not in the address
--                           book now), record, private (of a merged contact: those before)
-- Errors:   none
-- Example:  CALL my_change_set('00000000000000a1', '0000000000000abc');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_change_set(
    IN in_owner      CHAR(16) COLLATE ascii_bin,
    IN in_change_set CHAR(16) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    SELECT s.contact_id,
           JSON_VALUE(IF(r.state = 'purged', l.before_record, r.record), '$.display_name') AS name,
           s.first_rev - 1 AS before_rev,
           IF(f.event = 'created', 1, 0) AS is_created,
           IF(l.event = 'purged' AND r.state = 'purged', r.merged_into, NULL) AS merged_into,
           IF(r.rev > s.last_rev OR EXISTS (
               SELECT 1 FROM contact_event AS n FORCE INDEX (by_contact)
               WHERE n.owner_id = in_owner AND n.contact_id = s.contact_id AND n.rev > s.last_rev
           ), 1, 0) AS is_changed,
           IF(c.status <> 'memory' OR EXISTS (
               SELECT 1 FROM yp.contact_block AS b WHERE b.owner_id = in_owner AND b.contact_id = c.id
           ), 1, 0) AS is_related,
           IF(c.id IS NULL OR c.box = 'trash', 1, 0) AS is_deleted,
           IF(l.event = 'purged', l.before_record, NULL) AS record,
           IF(l.event = 'purged', l.before_private, NULL) AS private
    FROM (
        SELECT contact_id, MIN(rev) AS first_rev, MAX(rev) AS last_rev
        FROM contact_event
        WHERE owner_id = in_owner AND change_set = in_change_set
        GROUP BY contact_id
    ) AS s
    STRAIGHT_JOIN contact_event AS f ON f.owner_id = in_owner AND f.rev = s.first_rev
    STRAIGHT_JOIN contact_event AS l ON l.owner_id = in_owner AND l.rev = s.last_rev
    STRAIGHT_JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = s.contact_id
    LEFT JOIN contact AS c ON c.owner_id = in_owner AND c.id = s.contact_id AND c.box <> 'hidden'
    ORDER BY s.first_rev;
END$$
DELIMITER ;
