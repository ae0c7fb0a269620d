-- my_contact_import_groups: add imported contacts to their groups. Missing groups are created.
--
-- Params:   in_owner      owner of the address book, locked by the caller
--           in_contacts   JSON array of objects: id, group (names)
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL my_contact_import_groups('00000000000000a1', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_import_groups(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_contacts LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    -- a group that exists, or that contact_group_add is just creating, is used as it is
    INSERT INTO contact_group (owner_id, id, name, ctime, mtime)
    SELECT STRAIGHT_JOIN in_owner, LOWER(HEX(RANDOM_BYTES(8))), j.name, v_now, v_now
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id CHAR(16) COLLATE ascii_bin PATH '$.id',
        NESTED PATH '$.group[*]' COLUMNS (name VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$')
    )) AS j
    JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id
    WHERE j.name IS NOT NULL
    GROUP BY j.name
    ON DUPLICATE KEY UPDATE mtime = v_now;

    -- DISTINCT: Work and work are one name in the collation
    INSERT INTO contact_group_member (owner_id, group_id, contact_id, ctime)
    SELECT STRAIGHT_JOIN DISTINCT in_owner, g.id, c.id, v_now
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id CHAR(16) COLLATE ascii_bin PATH '$.id',
        NESTED PATH '$.group[*]' COLUMNS (name VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$')
    )) AS j
    JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id
    JOIN contact_group AS g FORCE INDEX (by_name) ON g.owner_id = in_owner AND g.name = j.name;
    UPDATE contact_group AS g
    SET g.rev = 0
    WHERE g.owner_id = in_owner AND g.name IN (
        SELECT j.name
        FROM JSON_TABLE(in_contacts, '$[*].group[*]' COLUMNS (
            name VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
        )) AS j
    );
END$$
DELIMITER ;
