-- my_contact_import: put many people into the owner's address book at once; who is in it already stays as he is.
--
-- Somebody counts as known when one of his addresses is in the book, when he is the owner himself, or a colleague.
-- The caller gives ids that are new, and no address twice in one call. Each list is read once, and what belongs to a
-- contact that was left out finds no contact to join: that costs the same for each contact of a batch. The order
-- and the indexes are told to the optimizer: its statistics lag behind a book that is being filled.
--
-- Params:   in_owner      whose address book
--           in_contacts   JSON array: id, line, firstname, lastname, surname, display_name, company, job_title,
--                         comment, archived, custom_fields (text of an object), avatar_path, source (where he comes from, if
--                         not from in_origin; local: from nowhere), source_id, synced_at (UTC), default (his default
--                         address), uid (of a registered person, or absent), entity (of who has neither, from the book
--                         that he was exported from, or absent; it may be nobody's uid),
--                         email, mobile, address (arrays of objects), tag, group (names; made when new)
--           in_origin     where they come from (google, csv, vcf), or NULL
-- Returns:  one row       data  JSON: loaded, alreadyincontact (how many), nobody (lines of those with neither an
--                              address nor an entity nor a registered person behind them)
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
    DECLARE v_given, v_loaded INT UNSIGNED;
    DECLARE v_nobody, v_made LONGTEXT;
    DECLARE v_domain INT UNSIGNED;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    SELECT domain_id INTO v_domain FROM yp.drumate WHERE id = in_owner;

    SELECT COUNT(*), CONCAT('[', COALESCE(GROUP_CONCAT(IF(j.email IS NULL AND d.id IS NULL AND (j.former IS NULL OR x.id IS NOT NULL),
                                                       j.line, NULL)), ''), ']')
    INTO v_given, v_nobody
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        line   INT UNSIGNED PATH '$.line',
        uid    VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$.uid',
        former CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.entity',
        email  VARCHAR(255) COLLATE utf8mb4_bin PATH '$.default'
    )) AS j
    LEFT JOIN yp.drumate AS d ON d.id = j.uid
    LEFT JOIN yp.drumate AS x ON x.id = j.former;

    -- what is known is read unlocked: the owner is locked, and with him whoever adds to his book
    INSERT INTO contact (owner_id, id, entity, peer_id, email, surname, display_name, firstname, lastname, company,
                         job_title, avatar_path, custom_fields, source_id, synced_at, category, comment, is_archived,
                         metadata, changed, ctime, mtime)
    SELECT in_owner, n.id, n.entity, n.peer_id, n.email, NULLIF(n.surname, ''), NULLIF(n.display_name, ''),
           NULLIF(n.firstname, ''), NULLIF(n.lastname, ''), NULLIF(n.company, ''), NULLIF(n.job_title, ''),
           NULLIF(n.avatar_path, ''), n.custom_fields, NULLIF(n.source_id, ''), n.synced_at,
           IF(in_origin = 'google', 'social', 'independant'), NULLIF(n.comment, ''), n.archived,
           JSON_MERGE_PATCH(JSON_OBJECT('source', COALESCE(n.email, n.entity), 'imported', v_now + 0),
                            JSON_OBJECT('from', IF(n.source = 'local', NULL, COALESCE(NULLIF(n.source, ''), in_origin)))),
           now_us(), v_now, v_now
    FROM (
        SELECT j.*, COALESCE(u.id, d.id) AS peer_id,
               COALESCE(u.id, d.id, j.email, IF(x.id IS NULL, j.former, NULL)) AS entity,
               COALESCE(u.domain_id, d.domain_id) AS domain_id,
               ROW_NUMBER() OVER (PARTITION BY COALESCE(u.id, d.id, j.email, j.former) ORDER BY j.position) AS turn
        FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
            position      FOR ORDINALITY,
            id            CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
            uid           VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$.uid',
            former        CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.entity',
            email         VARCHAR(255) COLLATE utf8mb4_bin PATH '$.default',
            surname       VARCHAR(255) PATH '$.surname',
            display_name  VARCHAR(255) PATH '$.display_name',
            firstname     VARCHAR(255) PATH '$.firstname',
            lastname      VARCHAR(255) PATH '$.lastname',
            company       VARCHAR(255) PATH '$.company',
            job_title     VARCHAR(255) PATH '$.job_title',
            avatar_path   VARCHAR(1024) PATH '$.avatar_path',
            custom_fields LONGTEXT PATH '$.custom_fields',
            source        VARCHAR(32) COLLATE utf8mb4_bin PATH '$.source',
            source_id     VARCHAR(255) PATH '$.source_id',
            synced_at     DATETIME(3) PATH '$.synced_at',
            comment       TEXT PATH '$.comment',
            archived      TINYINT PATH '$.archived' DEFAULT '0' ON EMPTY
        )) AS j
        LEFT JOIN yp.drumate AS u ON u.id = j.uid
        LEFT JOIN yp.drumate AS d ON d.email = j.email
        LEFT JOIN yp.drumate AS x ON x.id = j.former
    ) AS n
    WHERE n.turn = 1
      AND n.entity IS NOT NULL
      AND (n.peer_id IS NULL OR n.peer_id <> in_owner)
      AND COALESCE(n.domain_id > 1 AND n.domain_id = v_domain, 0) = 0
      AND (
          SELECT k.id FROM contact AS k FORCE INDEX (by_entity)
          WHERE k.owner_id = in_owner AND k.entity = n.entity
      ) IS NULL
      AND (
          SELECT k.id FROM contact AS k FORCE INDEX (by_peer)
          WHERE k.owner_id = in_owner AND k.peer_id = n.peer_id
          LIMIT 1
      ) IS NULL
      AND n.id NOT IN (
          SELECT e.id
          FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
              id       CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
              uid      VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PATH '$.uid',
              main     VARCHAR(255) COLLATE utf8mb4_bin PATH '$.default',
              NESTED PATH '$.email[*]' COLUMNS (email VARCHAR(255) COLLATE utf8mb4_bin PATH '$.email')
          )) AS e
          LEFT JOIN contact_email AS m FORCE INDEX (by_email) ON m.owner_id = in_owner AND m.email = e.email
          LEFT JOIN contact AS k FORCE INDEX (by_entity) ON k.owner_id = in_owner AND k.entity = e.email
          LEFT JOIN yp.drumate AS d ON d.email = e.email
          LEFT JOIN yp.drumate AS o ON o.email = e.main
          LEFT JOIN contact AS p FORCE INDEX (by_peer) ON p.owner_id = in_owner AND p.peer_id = d.id
          WHERE m.id IS NOT NULL OR k.id IS NOT NULL OR d.id = in_owner
             -- who stands for a person of his own may have another one's address besides
             OR (p.id IS NOT NULL AND o.id IS NULL AND e.uid IS NULL)
      );
    SET v_loaded = ROW_COUNT();

    INSERT INTO contact_email (owner_id, id, contact_id, email, category, is_default, position, label)
    SELECT STRAIGHT_JOIN in_owner, LOWER(HEX(RANDOM_BYTES(8))), c.id, j.email, j.category, j.is_default, j.position,
           NULLIF(j.label, '')
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
        NESTED PATH '$.email[*]' COLUMNS (
            position   FOR ORDINALITY,
            email      VARCHAR(255) COLLATE utf8mb4_bin PATH '$.email',
            category   VARCHAR(8) PATH '$.category',
            is_default TINYINT PATH '$.is_default',
            label      VARCHAR(32) PATH '$.label'
        )
    )) AS j
    JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id
    WHERE j.email IS NOT NULL;

    INSERT INTO contact_phone (owner_id, id, contact_id, areacode, phone, category, is_default, position, label)
    SELECT STRAIGHT_JOIN in_owner, LOWER(HEX(RANDOM_BYTES(8))), c.id, j.areacode, j.phone, j.category, j.is_default,
           j.position, NULLIF(j.label, '')
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
        NESTED PATH '$.mobile[*]' COLUMNS (
            position   FOR ORDINALITY,
            areacode   VARCHAR(16) PATH '$.areacode',
            phone      VARCHAR(81) PATH '$.phone',
            category   VARCHAR(8) PATH '$.category',
            is_default TINYINT PATH '$.is_default',
            label      VARCHAR(32) PATH '$.label'
        )
    )) AS j
    JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id
    WHERE j.phone IS NOT NULL;

    INSERT INTO contact_address (owner_id, id, contact_id, street, city, state, postal_code, country, category,
                                 is_default, position, label)
    SELECT STRAIGHT_JOIN in_owner, LOWER(HEX(RANDOM_BYTES(8))), c.id, j.street, j.city, j.state, j.postal_code,
           j.country, j.category, j.is_default, j.position, NULLIF(j.label, '')
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id',
        NESTED PATH '$.address[*]' COLUMNS (
            position    FOR ORDINALITY,
            street      VARCHAR(255) PATH '$.street',
            city        VARCHAR(255) PATH '$.city',
            state       VARCHAR(255) PATH '$.state' DEFAULT '' ON EMPTY,
            postal_code VARCHAR(32) PATH '$.postal_code' DEFAULT '' ON EMPTY,
            country     VARCHAR(255) PATH '$.country',
            category    VARCHAR(8) PATH '$.category',
            is_default  TINYINT PATH '$.is_default',
            label       VARCHAR(32) PATH '$.label'
        )
    )) AS j
    JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id
    WHERE j.street IS NOT NULL;

    IF JSON_EXISTS(in_contacts, '$[*].tag[0]') THEN
        CALL my_contact_import_tags(in_owner, in_contacts);
    END IF;
    IF JSON_EXISTS(in_contacts, '$[*].group[0]') THEN
        CALL my_contact_import_groups(in_owner, in_contacts);
    END IF;

    -- as in my_contact_terms: UNION in the collation of the key makes one of ANNA and anna
    INSERT INTO contact_term (owner_id, term, contact_id)
    SELECT STRAIGHT_JOIN in_owner, LEFT(s.word, 64) COLLATE utf8mb4_unicode_520_ci, c.id
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id')) AS j
    JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id
    JOIN JSON_TABLE(
        text_words(CONCAT_WS(' ', c.firstname, c.lastname, c.surname, c.display_name, c.company)), '$[*]' COLUMNS (word VARCHAR(255) PATH '$')
    ) AS s
    WHERE s.word <> ''
    UNION
    SELECT STRAIGHT_JOIN in_owner, LEFT(e.email, 64) COLLATE utf8mb4_unicode_520_ci, e.contact_id
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id')) AS j
    JOIN contact_email AS e FORCE INDEX (by_contact) ON e.owner_id = in_owner AND e.contact_id = j.id;

    SELECT STRAIGHT_JOIN COALESCE(JSON_ARRAYAGG(c.id), '[]') INTO v_made
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$.id')) AS j
    JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id;
    CALL my_contacts_touch(in_owner, v_made);
    SELECT JSON_OBJECT(
        'loaded', v_loaded + 0,
        'alreadyincontact', v_given - v_loaded - JSON_LENGTH(v_nobody),
        'nobody', JSON_COMPACT(v_nobody)
    ) AS data;
END$$
DELIMITER ;
