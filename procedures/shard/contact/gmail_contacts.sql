-- gmail_contacts: list a page of the contacts that were imported from Google, by name.
--
-- Params:   in_owner   owner of the address book
--           in_name    part of the displayed name; NULL for all
--           in_page    1 is the first
--           in_size    rows a page
-- Returns:  rows       data  JSON (contact_card), page
-- Errors:   none
-- Example:  CALL gmail_contacts('00000000000000a1', NULL, 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE gmail_contacts(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_name  VARCHAR(255),
    IN in_page  INT UNSIGNED,
    IN in_size  INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_skip BIGINT UNSIGNED DEFAULT (in_page - 1) * in_size;
    DECLARE v_name VARCHAR(520) DEFAULT CONCAT('%', like_escape(in_name), '%');

    SELECT JSON_INSERT(k.data, '$.page', in_page + 0) AS data
    FROM (
        SELECT id, display
        FROM contact FORCE INDEX (by_origin)
        WHERE owner_id = in_owner
          AND origin = 'google'
          AND deleted_at IS NULL
          AND (v_name IS NULL OR display LIKE v_name)
        ORDER BY display, id
        LIMIT v_skip, in_size
    ) AS c
    JOIN contact_card AS k ON k.owner_id = in_owner AND k.id = c.id
    ORDER BY c.display, c.id;
END$$
DELIMITER ;
