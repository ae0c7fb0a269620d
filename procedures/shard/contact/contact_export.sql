-- contact_export: list the next contacts of the owner in full, in an order that depends only on their
-- content.
--
-- Params:   in_owner     owner of the address book
--           in_box       active or archived
--           in_display   name of the last contact of the page before; NULL for the first page
--           in_email     key of that contact
--           in_size      rows a page
-- Returns:  rows         data  JSON: id, display, key (for the next page), firstname, lastname, surname,
--                              display_name ('' when not set), company, job_title, comment, archived,
--                              custom_fields and extra (objects or NULL), avatar_path, source, source_id,
--                              synced_at (ISO 8601 or ''), email, mobile, address (arrays of objects; no
--                              empty address; label is '' for a private one without), tag, group (arrays of
--                              names), uid (of the registered user when the default address does not name
--                              them, else NULL), entity (of a contact without address and account, else
--                              NULL), updated_at (ISO 8601), picture (SHA-256, or NULL), vcard (NULL, or of
--                              the card that the contact came in: uid, card, and is_current, 1 when the
--                              contact has not changed since)
-- Errors:   none
-- Example:  CALL contact_export('00000000000000a1', 'active', NULL, '', 500);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_export(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_box     VARCHAR(16) COLLATE ascii_bin,
    IN in_display VARCHAR(255),
    IN in_email   VARCHAR(300) COLLATE utf8mb4_bin,
    IN in_size    INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_moved_to VARCHAR(64) COLLATE ascii_bin;

    -- a download that began before its owner moved to another shard must fail, not end early
    SELECT to_db INTO v_moved_to FROM moved_out WHERE owner_id = in_owner;
    IF v_moved_to IS NOT NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING';
    END IF;

    SELECT w.data
    FROM contact AS c FORCE INDEX (by_name)
    STRAIGHT_JOIN contact_whole AS w ON w.owner_id = c.owner_id AND w.id = c.id
    WHERE c.owner_id = in_owner
      AND c.box = in_box
      AND (in_display IS NULL
           OR c.display > in_display
           OR (c.display = in_display AND CONCAT(COALESCE(c.email, c.entity), ' ', c.id) > in_email))
    ORDER BY c.display, CONCAT(COALESCE(c.email, c.entity), ' ', c.id)
    LIMIT in_size;
END$$
DELIMITER ;
