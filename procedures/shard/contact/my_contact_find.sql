-- my_contact_find: the one contact of the owner that goes by an id, uid or address.
--
-- Params:   in_owner   whose address book
--           in_key     contact id, uid, or any of his addresses
-- Returns:  one row    data  JSON: contact_id
-- Errors:   CONTACT_NOT_FOUND   nobody
--           AMBIGUOUS           more than one
-- Example:  CALL my_contact_find('00000000000000a1', 'ada@math.example');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_find(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_key   VARCHAR(255) COLLATE utf8mb4_bin
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_key VARCHAR(255) COLLATE utf8mb4_bin DEFAULT LOWER(TRIM(in_key));
    DECLARE v_ascii VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT as_id(in_key);
    DECLARE v_first CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_count INT UNSIGNED;

    SELECT COUNT(*), MIN(f.id) INTO v_count, v_first
    FROM (
        SELECT id FROM contact WHERE owner_id = in_owner AND id = v_ascii
        UNION
        SELECT id FROM contact WHERE owner_id = in_owner AND peer_id = v_ascii
        UNION
        SELECT id FROM contact WHERE owner_id = in_owner AND entity = v_key
        UNION
        SELECT contact_id FROM contact_email WHERE owner_id = in_owner AND email = v_key
    ) AS f;
    IF v_count = 0 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CONTACT_NOT_FOUND';
    ELSEIF v_count > 1 THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'AMBIGUOUS';
    END IF;
    SELECT JSON_OBJECT('contact_id', v_first) AS data;
END$$
DELIMITER ;
