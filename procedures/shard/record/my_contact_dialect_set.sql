-- my_contact_dialect_set: what other APIs know of a contact beyond the RPC; what is not given stays.
--
-- Params:   in_owner     whose address book
--           in_id        contact, locked by the caller
--           in_contact   JSON with any of display_name, company, job_title, avatar_path, source_id, origin (texts; '' or
--                        null clears), synced_at (ISO, UTC), custom_fields (object or null) and tags (names)
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL my_contact_dialect_set('00000000000000a1', '0000000000000c01', '{"company": "Acme"}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_dialect_set(
    IN in_owner   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_id      CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_contact LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_position INT;

    UPDATE contact
    SET display_name = IF(JSON_EXISTS(in_contact, '$.display_name'), NULLIF(JSON_VALUE(in_contact, '$.display_name'), ''), display_name),
        company = IF(JSON_EXISTS(in_contact, '$.company'), NULLIF(JSON_VALUE(in_contact, '$.company'), ''), company),
        job_title = IF(JSON_EXISTS(in_contact, '$.job_title'), NULLIF(JSON_VALUE(in_contact, '$.job_title'), ''), job_title),
        avatar_path = IF(JSON_EXISTS(in_contact, '$.avatar_path'), NULLIF(JSON_VALUE(in_contact, '$.avatar_path'), ''), avatar_path),
        source_id = IF(JSON_EXISTS(in_contact, '$.source_id'), NULLIF(JSON_VALUE(in_contact, '$.source_id'), ''), source_id),
        synced_at = IF(JSON_EXISTS(in_contact, '$.synced_at'),
                       REPLACE(REPLACE(JSON_VALUE(in_contact, '$.synced_at'), 'T', ' '), 'Z', ''), synced_at),
        custom_fields = IF(JSON_EXISTS(in_contact, '$.custom_fields'), JSON_QUERY(in_contact, '$.custom_fields'), custom_fields),
        metadata = IF(JSON_VALUE(in_contact, '$.origin') <> '', JSON_SET(metadata, '$.from', JSON_VALUE(in_contact, '$.origin')), metadata)
    WHERE owner_id = in_owner AND id = in_id;

    IF JSON_EXISTS(in_contact, '$.tags') THEN
        -- the owner's tags are few; locked as a whole, two calls at once make a tag once
        SELECT COALESCE(MAX(position), 0) INTO v_position FROM tag WHERE owner_id = in_owner FOR UPDATE;
        INSERT INTO tag (owner_id, tag_id, name, position, ctime)
        SELECT in_owner, LOWER(HEX(RANDOM_BYTES(8))), n.name, v_position + n.position, UNIX_TIMESTAMP()
        FROM (
            SELECT MIN(j.name) AS name, MIN(j.position) AS position
            FROM JSON_TABLE(in_contact, '$.tags[*]' COLUMNS (position FOR ORDINALITY, name VARCHAR(255) COLLATE utf8mb4_bin PATH '$')) AS j
            GROUP BY j.name
        ) AS n
        WHERE NOT EXISTS (SELECT 1 FROM tag AS t WHERE t.owner_id = in_owner AND t.name = n.name);
        DELETE FROM map_tag WHERE owner_id = in_owner AND entity_id = in_id;
        INSERT INTO map_tag (owner_id, tag_id, entity_id, category)
        SELECT DISTINCT in_owner, t.tag_id, in_id, 'contact'
        FROM JSON_TABLE(in_contact, '$.tags[*]' COLUMNS (name VARCHAR(255) COLLATE utf8mb4_bin PATH '$')) AS j
        JOIN tag AS t ON t.owner_id = in_owner AND t.name = j.name;
    END IF;
END$$
DELIMITER ;
