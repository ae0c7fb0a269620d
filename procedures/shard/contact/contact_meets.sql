-- contact_meets: test whether a contact meets all conditions of a search.
--
-- Params:   in_owner        owner of the address book
--           in_id           contact
--           in_conditions   JSON array of kind, low and high (record_conditions)
-- Returns:  a value         1 or 0
-- Errors:   none
-- Example:  SELECT contact_meets('00000000000000a1', '0000000000000c01',
--           '[{"kind": "text", "low": "ada", "high": "adaz"}]');
DELIMITER $$
CREATE OR REPLACE FUNCTION contact_meets(
    in_owner      CHAR(16) COLLATE ascii_bin,
    in_id         CHAR(16) COLLATE ascii_bin,
    in_conditions LONGTEXT
)
    RETURNS TINYINT
    NOT DETERMINISTIC
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    RETURN NOT EXISTS (
        SELECT 1
        FROM JSON_TABLE(in_conditions, '$[*]' COLUMNS (
            kind VARCHAR(16) COLLATE ascii_bin PATH '$.kind',
            low  VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.low',
            high VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.high'
        )) AS w
        WHERE NOT EXISTS (
            SELECT 1
            FROM contact_index AS t FORCE INDEX (by_contact)
            WHERE t.owner_id = in_owner
              AND t.contact_id = in_id
              AND t.kind = w.kind
              AND t.word BETWEEN w.low AND w.high
          )
    );
END$$
DELIMITER ;
