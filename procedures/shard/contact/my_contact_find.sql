-- my_contact_find: find the one contact with an id, uid or address.
--
-- Params:   in_owner   owner of the address book
--           in_key     contact id, uid, or any address
-- Returns:  one row    data  JSON: contact_id
--           one row    data  JSON, the full contact (contact_full)
-- Errors:   CONTACT_NOT_FOUND   no contact has the key
--           AMBIGUOUS           several contacts have it
-- Example:  CALL my_contact_find('00000000000000a1', 'ada@math.example');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_find(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_key   VARCHAR(255) COLLATE utf8mb4_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_key VARCHAR(255) COLLATE utf8mb4_bin DEFAULT LOWER(TRIM(in_key));
    DECLARE v_ascii VARCHAR(64) COLLATE ascii_bin DEFAULT parse_id(in_key);
    DECLARE v_first CHAR(16) COLLATE ascii_bin;
    DECLARE v_count INT UNSIGNED;

    SELECT COUNT(*), MIN(f.id) INTO v_count, v_first
    FROM (
        SELECT id FROM contact WHERE owner_id = in_owner AND id = v_ascii AND deleted_at IS NULL
        UNION
        SELECT id FROM contact WHERE owner_id = in_owner AND peer_id = v_ascii
        UNION
        SELECT id FROM contact WHERE owner_id = in_owner AND entity = v_key AND deleted_at IS NULL
        UNION
        SELECT c.id
        FROM contact_email AS e
        JOIN contact AS c ON c.owner_id = in_owner AND c.id = e.contact_id AND c.deleted_at IS NULL
        WHERE e.owner_id = in_owner AND e.email = v_key
    ) AS f;
    IF v_count = 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    ELSEIF v_count > 1 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'AMBIGUOUS';
    END IF;
    SELECT JSON_OBJECT('contact_id', v_first) AS data;
    SELECT data FROM contact_full WHERE owner_id = in_owner AND id = v_first;
END$$
DELIMITER ;
