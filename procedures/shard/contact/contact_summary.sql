-- contact_summary: count the users that the owner is related to, and get the time of the last change of the
-- address book.
--
-- Params:   in_owner   owner of the address book
--           in_hub     hub of the node
--           in_nid     node of the owner
-- Returns:  one row    data  JSON: contact_count, last_updated (unix seconds, NULL: empty)
-- Errors:   FOLDER_NOT_FOUND    no such node in that hub
--           PERMISSION_DENIED   hub of another user
-- Example:  CALL contact_summary('00000000000000a1', '00000000000000a1', '0');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_summary(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_hub   VARCHAR(64) COLLATE ascii_bin,
    IN in_nid   VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_home, v_holder CHAR(16) COLLATE ascii_bin;

    SELECT e.home_id, COALESCE(h.owner_id, e.id) INTO v_home, v_holder
    FROM yp.entity AS e
    LEFT JOIN yp.hub AS h ON h.id = e.id
    WHERE e.id = in_hub AND e.status = 'active';

    IF v_holder <> in_owner THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'PERMISSION_DENIED';
    END IF;
    -- the frontend calls the root of the address book 0
    IF v_home IS NULL OR NOT (
        in_nid IN (v_home, '0') OR EXISTS (SELECT 1 FROM media WHERE owner_id = in_hub AND id = in_nid)
    ) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'FOLDER_NOT_FOUND';
    END IF;

    SELECT JSON_OBJECT(
        'contact_count', COALESCE(SUM(IF(status IN ('active', 'informed'), 1, 0)), 0),
        'last_updated', MAX(mtime)
    ) AS data
    FROM contact
    WHERE owner_id = in_owner AND deleted_at IS NULL;
END$$
DELIMITER ;
