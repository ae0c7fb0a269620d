-- contact_phones_set: write the international form of numbers of one owner, and have the words of their
-- contacts made again soon (contact_stale). A number that has changed meanwhile stays unknown.
--
-- Params:   in_owner     owner of the address book
--           in_numbers   JSON array of contact, id, number (as contact_phone_unknown returns it),
--                        international
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_phones_set('00000000000000a1', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_phones_set(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_numbers LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    UPDATE JSON_TABLE(in_numbers, '$[*]' COLUMNS (
        contact       CHAR(16) COLLATE ascii_bin PATH '$.contact',
        id            CHAR(16) COLLATE ascii_bin PATH '$.id',
        number        VARCHAR(255) COLLATE utf8mb4_bin PATH '$.number',
        international VARCHAR(16) COLLATE ascii_bin PATH '$.international'
    )) AS j
    JOIN contact_phone AS p ON p.owner_id = in_owner AND p.contact_id = j.contact AND p.id = j.id
    SET p.international = j.international
    WHERE TRIM(CONCAT(p.areacode, ' ', p.phone)) COLLATE utf8mb4_bin = j.number;
    INSERT INTO contact_stale (owner_id, contact_id)
    SELECT DISTINCT in_owner, c.id
    FROM JSON_TABLE(in_numbers, '$[*]' COLUMNS (
        contact CHAR(16) COLLATE ascii_bin PATH '$.contact'
    )) AS j
    JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.contact
    ON DUPLICATE KEY UPDATE contact_id = c.id;
END$$
DELIMITER ;
