-- my_contact_import: add many people to the owner's address book at once. Entries that exist stay as they
-- are.
--
-- A person is known when a contact has one of their addresses and a name that agrees (names_agree); when they
-- are the owner, or a colleague; without an address, when a contact stands for the user or has the entity. Of
-- several contacts with one default address, the first stands for its user, and the others for themselves.
-- The caller supplies new ids, and no person twice in one call. Each list is read once; the details of a
-- contact that was skipped find no contact to join, so every contact of a batch costs the same.
-- The statements force order and indexes, because the statistics of the optimizer lag behind an address book
-- that is being filled.
--
-- Params:   in_owner      owner of the address book
--           in_contacts   JSON array: id, line, firstname, lastname, surname, display_name, company,
--                         job_title, comment, archived, custom_fields and extra (texts of objects),
--                         avatar_path, source (if it differs from in_origin; local for none), source_id,
--                         synced_at (UTC), default (the default address), uid (of a registered user, or
--                         absent), entity (from the exporting address book, for a person with neither;
--                         absent, or no uid in use), email, mobile, address (arrays of objects; a mobile
--                         may have international, see contact_phone), tag, group (names; missing ones are
--                         created), has_words (1: the caller calls my_contact_import_words in the same
--                         transaction; absent: this routine renders the contact)
--           in_origin     source of the contacts (google, csv, vcf), or NULL
-- Returns:  one row       data  JSON: loaded, alreadyincontact (how many), nobody (lines of the people with
--                              neither an address nor an entity nor a registered user)
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL my_contact_import('00000000000000a1', '[]', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_import(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_contacts LONGTEXT,
    IN in_origin   VARCHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_person_count, v_known_count, v_wordless_count, v_loaded_count INT UNSIGNED;
    DECLARE v_unknown_lines, v_contact_ids LONGTEXT;
    -- people who are left out; people who stand for themselves
    DECLARE v_known_ids, v_lone_ids LONGTEXT COLLATE ascii_bin DEFAULT '';
    DECLARE v_domain INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    SELECT domain_id INTO v_domain FROM yp.drumate WHERE id = in_owner;

    -- Nearly all people of a load are new: when nothing of them is known, no rule about it is asked below.
    -- unlocked: every routine that adds an entry holds the lock of the owner
    SELECT COUNT(*),
           CONCAT('[', COALESCE(GROUP_CONCAT(
               IF(j.email IS NULL AND d.id IS NULL AND (j.former IS NULL OR x.id IS NOT NULL), j.line, NULL)
           ), ''), ']'),
           COUNT(*) - COUNT(DISTINCT COALESCE(j.email, j.former))
           + COUNT(d.id) + COUNT(o.id) + COUNT(x.id) + COUNT(k.id),
           COUNT(*) - COUNT(j.has_words)
    INTO v_person_count, v_unknown_lines, v_known_count, v_wordless_count
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        line      INT UNSIGNED PATH '$.line',
        uid       VARCHAR(64) COLLATE ascii_bin PATH '$.uid',
        former    CHAR(16) COLLATE ascii_bin PATH '$.entity',
        email     VARCHAR(255) COLLATE utf8mb4_bin PATH '$.default',
        has_words TINYINT PATH '$.has_words'
    )) AS j
    LEFT JOIN yp.drumate AS d ON d.id = j.uid
    LEFT JOIN yp.drumate AS o ON o.email = j.email
    LEFT JOIN yp.drumate AS x ON x.id = j.former
    LEFT JOIN contact AS k FORCE INDEX (by_entity)
      ON k.owner_id = in_owner AND k.entity = COALESCE(j.email, j.former);
    IF v_known_count = 0 THEN
        -- unlocked: the owner is locked
        SELECT COUNT(*) INTO v_known_count
        FROM (
            SELECT STRAIGHT_JOIN 1
            FROM JSON_TABLE(in_contacts, '$[*].email[*]' COLUMNS (
                email VARCHAR(255) COLLATE utf8mb4_bin PATH '$.email'
            )) AS j
            LEFT JOIN yp.drumate AS d ON d.email = j.email
            LEFT JOIN contact AS k FORCE INDEX (by_entity) ON k.owner_id = in_owner AND k.entity = j.email
            LEFT JOIN contact_email AS m FORCE INDEX (by_address)
              ON m.owner_id = in_owner AND m.email = j.email
            WHERE d.id IS NOT NULL OR k.id IS NOT NULL OR m.id IS NOT NULL
            LIMIT 1
        ) AS known;
    END IF;

    IF v_known_count > 0 THEN
        -- unlocked: the owner is locked
        SELECT COALESCE(GROUP_CONCAT(IF(
                   (n.is_by_address = 1 OR n.turn = 1 AND n.is_held = 0)
                   AND (n.turn = 1 OR names_agree(n.first_name, COALESCE(
                       NULLIF(CONCAT_WS(' ', n.display_name, n.surname, n.firstname, n.lastname), ''),
                       n.company
                   )) = 0)
                   AND (n.peer_id IS NULL OR n.peer_id <> in_owner)
                   AND COALESCE(n.domain_id > 1 AND n.domain_id = v_domain, 0) = 0, NULL, n.id
               )), ''),
               COALESCE(GROUP_CONCAT(IF(n.is_held OR n.turn > 1, n.id, NULL)), '')
        INTO v_known_ids, v_lone_ids
        FROM (
            SELECT j.*, COALESCE(u.id, d.id) AS peer_id, COALESCE(u.domain_id, d.domain_id) AS domain_id,
                   IF(u.id IS NULL AND j.email IS NOT NULL, 1, 0) AS is_by_address,
                   ROW_NUMBER() OVER person AS turn,
                   FIRST_VALUE(COALESCE(
                       NULLIF(CONCAT_WS(' ', j.display_name, j.surname, j.firstname, j.lastname), ''),
                       j.company
                   )) OVER person AS first_name,
                   (
                       SELECT k.id FROM contact AS k FORCE INDEX (by_entity)
                       WHERE k.owner_id = in_owner AND k.entity = COALESCE(u.id, d.id, j.email, j.former)
                   ) IS NOT NULL
                   OR (
                       SELECT k.id FROM contact AS k FORCE INDEX (by_peer)
                       -- never NULL: all contacts without a peer would be read
                       WHERE k.owner_id = in_owner AND k.peer_id = COALESCE(u.id, d.id, '')
                       LIMIT 1
                   ) IS NOT NULL AS is_held
            -- Repeats my_contact_import: below are all columns of a person, here those of the rules
            FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
                position     FOR ORDINALITY,
                id           CHAR(16) COLLATE ascii_bin PATH '$.id',
                uid          VARCHAR(64) COLLATE ascii_bin PATH '$.uid',
                former       CHAR(16) COLLATE ascii_bin PATH '$.entity',
                email        VARCHAR(255) COLLATE utf8mb4_bin PATH '$.default',
                surname      VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.surname',
                display_name VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.display_name',
                firstname    VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.firstname',
                lastname     VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.lastname',
                company      VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.company'
            )) AS j
            LEFT JOIN yp.drumate AS u ON u.id = j.uid
            LEFT JOIN yp.drumate AS d ON d.email = j.email
            WINDOW person AS (PARTITION BY COALESCE(u.id, d.id, j.email, j.former) ORDER BY j.position)
        ) AS n;
        -- unlocked: the owner is locked
        SELECT CONCAT_WS(',', v_known_ids, GROUP_CONCAT(DISTINCT e.id)) INTO v_known_ids
        FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
            id       CHAR(16) COLLATE ascii_bin PATH '$.id',
            uid      VARCHAR(64) COLLATE ascii_bin PATH '$.uid',
            main     VARCHAR(255) COLLATE utf8mb4_bin PATH '$.default',
            called   VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.display_name',
            first    VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.firstname' DEFAULT '' ON EMPTY,
            last     VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.lastname' DEFAULT '' ON EMPTY,
            nickname VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.surname',
            company  VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.company',
            NESTED PATH '$.email[*]' COLUMNS (email VARCHAR(255) COLLATE utf8mb4_bin PATH '$.email')
        )) AS e
        LEFT JOIN contact AS k FORCE INDEX (by_entity) ON k.owner_id = in_owner AND k.entity = e.email
        LEFT JOIN yp.drumate AS d ON d.email = e.email
        LEFT JOIN yp.drumate AS o ON o.email = e.main
        LEFT JOIN contact AS p FORCE INDEX (by_peer) ON p.owner_id = in_owner AND p.peer_id = d.id
        WHERE d.id = in_owner
           OR k.id IS NOT NULL AND names_agree(
               COALESCE(NULLIF(CONCAT_WS(' ', e.called, e.nickname, e.first, e.last), ' '), e.company),
               COALESCE(NULLIF(CONCAT_WS(' ', k.display_name, k.surname, k.firstname, k.lastname), ''),
                        k.company))
           -- a contact that stands for a user may have the address of another user as well
           OR p.id IS NOT NULL AND e.uid IS NULL AND COALESCE(o.id, d.id) = d.id AND names_agree(
               COALESCE(NULLIF(CONCAT_WS(' ', e.called, e.nickname, e.first, e.last), ' '), e.company),
               COALESCE(NULLIF(CONCAT_WS(' ', p.display_name, p.surname, p.firstname, p.lastname), ''),
                        p.company))
           -- among those with the name: an address may have thousands of contacts
           OR (SELECT 1
               FROM contact_email AS m FORCE INDEX (by_address)
               JOIN contact AS t ON t.owner_id = in_owner AND t.id = m.contact_id AND t.deleted_at IS NULL
               WHERE m.owner_id = in_owner AND m.email = e.email
               LIMIT 1) = 1
              AND COALESCE((
                  SELECT 1
                  FROM contact_index AS i FORCE INDEX (PRIMARY)
                  STRAIGHT_JOIN contact_email AS m FORCE INDEX (PRIMARY)
                     ON m.owner_id = in_owner AND m.contact_id = i.contact_id AND m.email = e.email
                  WHERE i.owner_id = in_owner AND i.is_deleted = 0 AND i.kind = 'name'
                    AND i.word = name_key(COALESCE(
                        NULLIF(e.called, ''), NULLIF(CONCAT_WS(' ', e.first, e.last), ' '),
                        NULLIF(e.nickname, ''), NULLIF(e.company, '')
                    ))
                  LIMIT 1
              ), CONCAT_WS('', e.called, e.first, e.last, e.nickname, e.company) = '') = 1;
    END IF;

    INSERT INTO contact (owner_id, id, entity, peer_id, email, surname, display_name, firstname,
                         lastname, company, job_title, avatar_path, custom_fields, extra, source_id,
                         synced_at, category, comment, is_archived, metadata, ctime, mtime)
    SELECT in_owner, j.id,
           IF(LOCATE(j.id, v_lone_ids), j.id,
              COALESCE(u.id, d.id, j.email, IF(x.id IS NULL, j.former, NULL))),
           IF(LOCATE(j.id, v_lone_ids), NULL, COALESCE(u.id, d.id)), j.email,
           NULLIF(j.surname, ''), NULLIF(j.display_name, ''),
           NULLIF(j.firstname, ''), NULLIF(j.lastname, ''), NULLIF(j.company, ''), NULLIF(j.job_title, ''),
           NULLIF(j.avatar_path, ''), j.custom_fields, j.extra, NULLIF(j.source_id, ''), j.synced_at,
           IF(in_origin = 'google', 'social', 'independant'), NULLIF(j.comment, ''), j.archived,
           JSON_MERGE_PATCH(JSON_OBJECT(
               'source', COALESCE(j.email, u.id, d.id, j.former), 'imported', v_now + 0
           ), JSON_OBJECT(
               'from', IF(j.source = 'local', NULL, COALESCE(NULLIF(j.source, ''), in_origin))
           )), v_now, v_now
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id            CHAR(16) COLLATE ascii_bin PATH '$.id',
        uid           VARCHAR(64) COLLATE ascii_bin PATH '$.uid',
        former        CHAR(16) COLLATE ascii_bin PATH '$.entity',
        email         VARCHAR(255) COLLATE utf8mb4_bin PATH '$.default',
        surname       VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.surname',
        display_name  VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.display_name',
        firstname     VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.firstname',
        lastname      VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.lastname',
        company       VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.company',
        job_title     VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.job_title',
        avatar_path   VARCHAR(1024) COLLATE utf8mb4_unicode_520_ci PATH '$.avatar_path',
        custom_fields LONGTEXT COLLATE utf8mb4_unicode_520_ci PATH '$.custom_fields',
        extra         LONGTEXT COLLATE utf8mb4_unicode_520_ci PATH '$.extra',
        source        VARCHAR(32) COLLATE utf8mb4_bin PATH '$.source',
        source_id     VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.source_id',
        synced_at     DATETIME(3) PATH '$.synced_at',
        comment       TEXT COLLATE utf8mb4_unicode_520_ci PATH '$.comment',
        archived      TINYINT PATH '$.archived' DEFAULT '0' ON EMPTY
    )) AS j
    LEFT JOIN yp.drumate AS u ON u.id = j.uid
    LEFT JOIN yp.drumate AS d ON d.email = j.email
    LEFT JOIN yp.drumate AS x ON x.id = j.former
    WHERE LOCATE(j.id, v_known_ids) = 0
      AND COALESCE(u.id, d.id, j.email, IF(x.id IS NULL, j.former, NULL)) IS NOT NULL;
    SET v_loaded_count = ROW_COUNT();

    -- three kinds of entries, three tables: SQL without dynamic statements repeats itself
    INSERT INTO contact_email (owner_id, id, contact_id, email, category, is_default, position, label)
    SELECT STRAIGHT_JOIN in_owner, LOWER(HEX(RANDOM_BYTES(8))), c.id, j.email, j.category,
           j.is_default, j.position,
           IF(LOWER(j.label) COLLATE utf8mb4_bin IN ('work', 'home', 'personal')
              AND (LOWER(j.label) COLLATE utf8mb4_bin = 'work') <> (j.category = 'prof'),
              NULL, NULLIF(j.label, ''))
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id CHAR(16) COLLATE ascii_bin PATH '$.id',
        NESTED PATH '$.email[*]' COLUMNS (
            position   FOR ORDINALITY,
            category   VARCHAR(8) COLLATE utf8mb4_unicode_520_ci PATH '$.category',
            is_default TINYINT PATH '$.is_default',
            label      VARCHAR(32) COLLATE utf8mb4_unicode_520_ci PATH '$.label',
            email      VARCHAR(255) COLLATE utf8mb4_bin PATH '$.email'
        )
    )) AS j
    JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id
    WHERE j.email IS NOT NULL;

    INSERT INTO contact_phone (owner_id, id, contact_id, areacode, phone, international, category,
                               is_default, position, label)
    SELECT STRAIGHT_JOIN in_owner, LOWER(HEX(RANDOM_BYTES(8))), c.id, j.areacode, j.phone,
           j.international, j.category, j.is_default, j.position,
           IF(LOWER(j.label) COLLATE utf8mb4_bin IN ('work', 'home', 'personal')
              AND (LOWER(j.label) COLLATE utf8mb4_bin = 'work') <> (j.category = 'prof'),
              NULL, NULLIF(j.label, ''))
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id CHAR(16) COLLATE ascii_bin PATH '$.id',
        NESTED PATH '$.mobile[*]' COLUMNS (
            position      FOR ORDINALITY,
            category      VARCHAR(8) COLLATE utf8mb4_unicode_520_ci PATH '$.category',
            is_default    TINYINT PATH '$.is_default',
            label         VARCHAR(32) COLLATE utf8mb4_unicode_520_ci PATH '$.label',
            areacode      VARCHAR(16) COLLATE utf8mb4_unicode_520_ci PATH '$.areacode',
            phone         VARCHAR(81) COLLATE utf8mb4_unicode_520_ci PATH '$.phone',
            international VARCHAR(16) COLLATE ascii_bin PATH '$.international'
        )
    )) AS j
    JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id
    WHERE j.phone IS NOT NULL;

    INSERT INTO contact_address (owner_id, id, contact_id, street, city, state, postal_code,
                                 country, category, is_default, position, label)
    SELECT STRAIGHT_JOIN in_owner, LOWER(HEX(RANDOM_BYTES(8))), c.id, j.street, j.city, j.state,
           j.postal_code, j.country, j.category, j.is_default, j.position,
           IF(LOWER(j.label) COLLATE utf8mb4_bin IN ('work', 'home', 'personal')
              AND (LOWER(j.label) COLLATE utf8mb4_bin = 'work') <> (j.category = 'prof'),
              NULL, NULLIF(j.label, ''))
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id CHAR(16) COLLATE ascii_bin PATH '$.id',
        NESTED PATH '$.address[*]' COLUMNS (
            position    FOR ORDINALITY,
            category    VARCHAR(8) COLLATE utf8mb4_unicode_520_ci PATH '$.category',
            is_default  TINYINT PATH '$.is_default',
            label       VARCHAR(32) COLLATE utf8mb4_unicode_520_ci PATH '$.label',
            street      VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.street',
            city        VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.city',
            state       VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.state' DEFAULT '' ON EMPTY,
            postal_code VARCHAR(32) COLLATE utf8mb4_unicode_520_ci PATH '$.postal_code' DEFAULT '' ON EMPTY,
            country     VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.country'
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

    IF v_wordless_count > 0 THEN
        SELECT STRAIGHT_JOIN JSON_ARRAYAGG(c.id) INTO v_contact_ids
        FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
            id        CHAR(16) COLLATE ascii_bin PATH '$.id',
            has_words TINYINT PATH '$.has_words'
        )) AS j
        JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id
        WHERE j.has_words IS NULL;
        IF v_contact_ids IS NOT NULL THEN
            CALL contacts_render(in_owner, v_contact_ids);
        END IF;
    END IF;
    SELECT JSON_OBJECT(
        'loaded', v_loaded_count + 0,
        'alreadyincontact', v_person_count - v_loaded_count - JSON_LENGTH(v_unknown_lines),
        'nobody', JSON_COMPACT(v_unknown_lines)
    ) AS data;
END$$
DELIMITER ;
