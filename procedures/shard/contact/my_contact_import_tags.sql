-- my_contact_import_tags: assign imported contacts their tags. Missing tags are created at the end of the
-- list.
--
-- Params:   in_owner      owner of the address book, locked by the caller
--           in_contacts   JSON array of objects: id, tag (names)
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL my_contact_import_tags('00000000000000a1', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_import_tags(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_contacts LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_position INT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- lock only: the lock of the owner is written
    SELECT COALESCE(MAX(position), 0) INTO v_position FROM tag WHERE owner_id = in_owner FOR UPDATE;
    INSERT INTO tag (owner_id, tag_id, name, position, ctime)
    SELECT in_owner, LOWER(HEX(RANDOM_BYTES(8))), n.name,
           v_position + ROW_NUMBER() OVER (ORDER BY n.name COLLATE utf8mb4_unicode_520_ci, n.name),
           UNIX_TIMESTAMP()
    FROM (
        SELECT STRAIGHT_JOIN j.name
        FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
            id CHAR(16) COLLATE ascii_bin PATH '$.id',
            NESTED PATH '$.tag[*]' COLUMNS (name VARCHAR(255) COLLATE utf8mb4_bin PATH '$')
        )) AS j
        JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id
        LEFT JOIN tag AS t FORCE INDEX (by_name) ON t.owner_id = in_owner AND t.name = j.name
        WHERE j.name IS NOT NULL AND t.tag_id IS NULL
        GROUP BY j.name
    ) AS n;

    -- DISTINCT: the list of a contact may hold a name twice
    INSERT INTO map_tag (owner_id, tag_id, entity_id, category)
    SELECT STRAIGHT_JOIN DISTINCT in_owner, t.tag_id, c.id, 'contact'
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id CHAR(16) COLLATE ascii_bin PATH '$.id',
        NESTED PATH '$.tag[*]' COLUMNS (name VARCHAR(255) COLLATE utf8mb4_bin PATH '$')
    )) AS j
    JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id
    JOIN tag AS t FORCE INDEX (by_name) ON t.owner_id = in_owner AND t.name = j.name;
END$$
DELIMITER ;
