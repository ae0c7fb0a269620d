-- my_contact_get: get one contact of the owner in full, with addresses, numbers and tags.
--
-- See docs/frontend-contract.md#contact-record. A contact who is no user has a stored text (contact_stored);
-- others are put together now, and so are tags.
--
-- Params:   in_owner   owner of the address book
--           in_id      contact
-- Returns:  at most one row   data  JSON, the full contact (contact_full)
-- Errors:   none
-- Example:  CALL my_contact_get('00000000000000a1', '0000000000000000');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_get(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    VARCHAR(64) COLLATE ascii_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_data, v_tags LONGTEXT;

    SELECT full INTO v_data FROM contact_stored WHERE owner_id = in_owner AND id = in_id;
    IF v_data LIKE '%[' THEN
        -- as in contact_full
        SELECT GROUP_CONCAT(
            CAST(SUBSTR(t.data, 1, 500) AS CHAR(500)),
            CAST(SUBSTR(t.data, 501, 500) AS CHAR(500))
            ORDER BY t.position, t.tag_id SEPARATOR ', '
        )
        INTO v_tags
        FROM assigned_tag AS t
        WHERE t.owner_id = in_owner AND t.entity_id = in_id;
        SET v_data = CONCAT(v_data, COALESCE(v_tags, ''), ']}');
    END IF;
    IF v_data IS NULL THEN
        SELECT data FROM contact_full WHERE owner_id = in_owner AND id = in_id;
    ELSE
        SELECT v_data AS data;
    END IF;
END$$
DELIMITER ;
