-- my_contact_import_book: create the tags and groups that a file describes besides its contacts. Existing
-- tags and groups of the owner stay as they are.
--
-- Params:   in_owner   owner of the address book
--           in_book    JSON: tag (array of name, position, parent; a parent comes before its
--                      children), group (array of name, comment)
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL my_contact_import_book('00000000000000a1', '{"tag": [], "group": []}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_import_book(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_book  LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_position INT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    -- lock only: the lock of the owner is written
    SELECT COALESCE(MAX(position), 0) INTO v_position FROM tag WHERE owner_id = in_owner FOR UPDATE;

    -- one by one: the parent of a tag may be one that this loop has just created
    FOR t IN (
        SELECT j.position, j.name, j.parent
        FROM JSON_TABLE(in_book, '$.tag[*]' COLUMNS (
            position INT PATH '$.position',
            name     VARCHAR(255) COLLATE utf8mb4_bin PATH '$.name',
            parent   VARCHAR(255) COLLATE utf8mb4_bin PATH '$.parent'
        )) AS j
    ) DO
        INSERT INTO tag (owner_id, tag_id, parent_tag_id, name, position, ctime)
        SELECT in_owner, LOWER(HEX(RANDOM_BYTES(8))), p.tag_id, t.name, v_position + t.position, v_now
        FROM (SELECT 1) AS one
        LEFT JOIN tag AS p ON p.owner_id = in_owner AND p.name = t.parent
        WHERE NOT EXISTS (SELECT 1 FROM tag AS k WHERE k.owner_id = in_owner AND k.name = t.name);
    END FOR;

    INSERT INTO contact_group (owner_id, id, name, comment, ctime, mtime)
    SELECT in_owner, LOWER(HEX(RANDOM_BYTES(8))), j.name, NULLIF(j.comment, ''), v_now, v_now
    FROM JSON_TABLE(in_book, '$.group[*]' COLUMNS (
        name    VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.name',
        comment TEXT COLLATE utf8mb4_unicode_520_ci PATH '$.comment'
    )) AS j
    WHERE j.name IS NOT NULL
    ON DUPLICATE KEY UPDATE mtime = contact_group.mtime;
END$$
DELIMITER ;
