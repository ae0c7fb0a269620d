-- my_contact_import: put many people into the owner's address book at once; who is in it already stays as he is.
--
-- Somebody counts as known when one of his addresses is in the book, when he is the owner himself, or a colleague.
-- The caller gives the ids, and no address twice in one call.
--
-- Params:   in_owner      whose address book
--           in_contacts   JSON array: id, line, firstname, lastname, surname, comment, email (at least one, one of
--                         them the default), mobile, address, tag (names; made when new), archived
--           in_origin     where they come from (google), or NULL
-- Returns:  one row       data  JSON: loaded, alreadyincontact
-- Errors:   none
-- Example:  CALL my_contact_import('00000000000000a1', '[]', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_import(
    IN in_owner    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_contacts LONGTEXT,
    IN in_origin   VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_new LONGTEXT;
    DECLARE v_position INT;
    DECLARE v_domain INT UNSIGNED;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    SELECT domain_id INTO v_domain FROM yp.drumate WHERE id = in_owner;

    -- unlocked: the owner is locked, and with him whoever adds to his book
    SELECT COALESCE(JSON_ARRAYAGG(j.id), '[]') INTO v_new
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id')) AS j
    WHERE j.id NOT IN (
        SELECT e.id
        FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
            id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
            NESTED PATH '$.email[*]' COLUMNS (email VARCHAR(255) COLLATE utf8mb4_bin PATH '$.email')
        )) AS e
        LEFT JOIN yp.drumate AS d ON d.email = e.email
        WHERE d.id = in_owner
           OR (d.domain_id > 1 AND d.domain_id = v_domain)
           OR EXISTS (SELECT 1 FROM contact_email AS k WHERE k.owner_id = in_owner AND k.email = e.email)
           OR EXISTS (SELECT 1 FROM contact AS k WHERE k.owner_id = in_owner AND k.entity = e.email)
           OR EXISTS (SELECT 1 FROM contact AS k WHERE k.owner_id = in_owner AND k.peer_id = d.id)
    );

    INSERT INTO contact (owner_id, id, entity, peer_id, email, surname, firstname, lastname, category, comment,
                         is_archived, metadata, changed, ctime, mtime)
    SELECT in_owner, j.id, COALESCE(d.id, e.email), d.id, e.email, NULLIF(j.surname, ''), NULLIF(j.firstname, ''),
           NULLIF(j.lastname, ''), IF(in_origin IS NULL, 'independant', 'social'), NULLIF(j.comment, ''), j.archived,
           JSON_MERGE_PATCH(JSON_OBJECT('source', e.email, 'imported', v_now + 0), JSON_OBJECT('from', in_origin)),
           now_us(), v_now, v_now
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id        CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
        surname   VARCHAR(255) PATH '$.surname',
        firstname VARCHAR(255) PATH '$.firstname',
        lastname  VARCHAR(255) PATH '$.lastname',
        comment   TEXT PATH '$.comment',
        archived  TINYINT PATH '$.archived' DEFAULT '0' ON EMPTY
    )) AS j
    JOIN JSON_TABLE(v_new, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS f ON f.id = j.id
    JOIN JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
        NESTED PATH '$.email[*]' COLUMNS (
            email      VARCHAR(255) COLLATE utf8mb4_bin PATH '$.email',
            is_default TINYINT PATH '$.is_default'
        )
    )) AS e ON e.id = j.id AND e.is_default = 1
    LEFT JOIN yp.drumate AS d ON d.email = e.email;

    INSERT INTO contact_email (owner_id, id, contact_id, email, category, is_default, position)
    SELECT in_owner, LOWER(HEX(RANDOM_BYTES(8))), j.id, j.email, j.category, j.is_default, j.position
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
        NESTED PATH '$.email[*]' COLUMNS (
            position   FOR ORDINALITY,
            email      VARCHAR(255) COLLATE utf8mb4_bin PATH '$.email',
            category   VARCHAR(8) PATH '$.category',
            is_default TINYINT PATH '$.is_default'
        )
    )) AS j
    JOIN JSON_TABLE(v_new, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS f ON f.id = j.id;

    INSERT INTO contact_phone (owner_id, id, contact_id, areacode, phone, category, is_default, position)
    SELECT in_owner, LOWER(HEX(RANDOM_BYTES(8))), j.id, j.areacode, j.phone, j.category, j.is_default, j.position
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
        NESTED PATH '$.mobile[*]' COLUMNS (
            position   FOR ORDINALITY,
            areacode   VARCHAR(16) PATH '$.areacode',
            phone      VARCHAR(64) PATH '$.phone',
            category   VARCHAR(8) PATH '$.category',
            is_default TINYINT PATH '$.is_default'
        )
    )) AS j
    JOIN JSON_TABLE(v_new, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS f ON f.id = j.id
    WHERE j.phone IS NOT NULL;

    INSERT INTO contact_address (owner_id, id, contact_id, street, city, country, category, is_default, position)
    SELECT in_owner, LOWER(HEX(RANDOM_BYTES(8))), j.id, j.street, j.city, j.country, j.category, j.is_default,
           j.position
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
        NESTED PATH '$.address[*]' COLUMNS (
            position   FOR ORDINALITY,
            street     VARCHAR(255) PATH '$.street',
            city       VARCHAR(255) PATH '$.city',
            country    VARCHAR(255) PATH '$.country',
            category   VARCHAR(8) PATH '$.category',
            is_default TINYINT PATH '$.is_default'
        )
    )) AS j
    JOIN JSON_TABLE(v_new, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS f ON f.id = j.id
    WHERE j.street IS NOT NULL;

    IF JSON_EXISTS(in_contacts, '$[*].tag[0]') THEN
        SELECT COALESCE(MAX(position), 0) INTO v_position FROM tag WHERE owner_id = in_owner FOR UPDATE;
        INSERT IGNORE INTO tag (owner_id, tag_id, name, position, ctime)
        SELECT in_owner, LOWER(HEX(RANDOM_BYTES(8))), n.name, v_position + ROW_NUMBER() OVER (ORDER BY n.name), v_now
        FROM (
            SELECT DISTINCT j.name
            FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
                id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
                NESTED PATH '$.tag[*]' COLUMNS (name VARCHAR(255) PATH '$')
            )) AS j
            JOIN JSON_TABLE(v_new, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS f ON f.id = j.id
            WHERE j.name IS NOT NULL
              AND NOT EXISTS (SELECT 1 FROM tag AS t WHERE t.owner_id = in_owner AND t.name = j.name)
        ) AS n;
        INSERT IGNORE INTO map_tag (owner_id, tag_id, entity_id, category)
        SELECT in_owner, t.tag_id, j.id, 'contact'
        FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
            id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
            NESTED PATH '$.tag[*]' COLUMNS (name VARCHAR(255) PATH '$')
        )) AS j
        JOIN JSON_TABLE(v_new, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS f ON f.id = j.id
        JOIN tag AS t ON t.owner_id = in_owner AND t.name = j.name;
    END IF;

    -- IGNORE: the collation makes one of ANNA and anna
    INSERT IGNORE INTO contact_term (owner_id, term, contact_id)
    SELECT in_owner, LEFT(s.word, 64), c.id
    FROM JSON_TABLE(v_new, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS f
    JOIN contact AS c ON c.owner_id = in_owner AND c.id = f.id
    JOIN JSON_TABLE(
        search_words(CONCAT_WS(' ', c.firstname, c.lastname, c.surname, c.company)), '$[*]' COLUMNS (word VARCHAR(255) PATH '$')
    ) AS s
    WHERE s.word <> ''
    UNION ALL
    SELECT in_owner, LEFT(e.email, 64), e.contact_id
    FROM JSON_TABLE(v_new, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS f
    JOIN contact_email AS e ON e.owner_id = in_owner AND e.contact_id = f.id;

    CALL my_contacts_touch(in_owner, v_new);
    SELECT JSON_OBJECT('loaded', JSON_LENGTH(v_new), 'alreadyincontact',
                       JSON_LENGTH(in_contacts) - JSON_LENGTH(v_new)) AS data;
END$$
DELIMITER ;
