-- my_contact_store: add a contact of which the service has made the record, one statement for each table.
--
-- The record of a new contact in plain letters follows from its fields (service/contacts/first_record.py).
-- This routine decides whether that is all: nobody is registered under its address, and no other contact has
-- it. Otherwise it stores nothing, and the caller goes on with my_contact_add or my_contact_create.
--
-- Params:   in_owner          owner of the address book
--           in_id             new id of the contact
--           in_contact        JSON: the columns of contact (texts, or null), metadata, and email (at most one
--                             entry), mobile, address, each an array with the columns of its table;
--                             from_api, when other contacts may have the address; name_words, the words of
--                             the name, when only the collation can sort them
--           in_words          JSON, the rows of contact_index: an array of arrays, kind and words; null is
--                             the time of the addition, or no company
--           in_name           start of the display name, for contact_index
--           in_record         JSON, the record, with null for its times
--           in_digest         MD5 of the record, as contact_record has it, in hexadecimal digits
--           in_names_digest   MD5 of the names, in the same way
--           in_private        JSON, contact_record.private
--           in_card           the contact in lists of the RPC (contact_document), with null for its times
--           in_full           the full contact of the RPC, in the same way
-- Returns:  nothing when another routine has to add the contact; otherwise
--           one row   data  JSON, the full contact (contact_full); record  JSON, the record; rev
--           rows      node, sockets: open sockets of the owner
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL my_contact_store('00000000000000a1', '0000000000000c99', '{"metadata": {}}', '[]', 'Zoe',
--           '{}', MD5(''), MD5(''), '{}', '{}', '{}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_store(
    IN in_owner        CHAR(16) COLLATE ascii_bin,
    IN in_id           CHAR(16) COLLATE ascii_bin,
    IN in_contact      LONGTEXT COLLATE utf8mb4_bin,
    IN in_words        LONGTEXT COLLATE utf8mb4_bin,
    IN in_name         VARCHAR(64),
    IN in_record       LONGTEXT COLLATE utf8mb4_bin,
    IN in_digest       CHAR(32) COLLATE ascii_bin,
    IN in_names_digest CHAR(32) COLLATE ascii_bin,
    IN in_private      TEXT COLLATE utf8mb4_bin,
    IN in_card         LONGTEXT COLLATE utf8mb4_bin,
    IN in_full         LONGTEXT COLLATE utf8mb4_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now DATETIME(3) DEFAULT UTC_TIMESTAMP(3);
    DECLARE v_time VARCHAR(32) COLLATE utf8mb4_bin DEFAULT CONCAT(REPLACE(v_now, ' ', 'T'), 'Z');
    DECLARE v_seconds INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_email VARCHAR(255) COLLATE utf8mb4_bin DEFAULT JSON_VALUE(in_contact, '$.email[0].email');
    DECLARE v_is_free TINYINT;
    DECLARE v_rev BIGINT UNSIGNED;
    DECLARE v_times VARCHAR(64) COLLATE utf8mb4_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    -- unlocked: the owner is locked
    SELECT d.id IS NULL AND c.id IS NULL AND (o.email IS NULL OR JSON_EXISTS(in_contact, '$.from_api'))
    INTO v_is_free
    FROM yp.drumate AS me
    LEFT JOIN yp.drumate AS d ON d.email = v_email
    LEFT JOIN contact AS c FORCE INDEX (by_entity) ON c.owner_id = in_owner AND c.entity = v_email
    LEFT JOIN contact_email AS o FORCE INDEX (by_address) ON o.owner_id = in_owner AND o.email = v_email
    WHERE me.id = in_owner
    LIMIT 1;

    IF v_is_free THEN
        -- the new revision without a second statement that reads it
        INSERT INTO contact_ledger (owner_id, rev, active)
        VALUES (in_owner, LAST_INSERT_ID(1), 1)
        ON DUPLICATE KEY UPDATE rev = LAST_INSERT_ID(rev + 1), active = active + 1;
        -- no text of a contact contains a quotation mark without a backslash before it
        SET v_rev = LAST_INSERT_ID(),
            v_times = CONCAT('"ctime": ', v_seconds, ', "mtime": ', v_seconds),
            in_card = REPLACE(in_card, '"ctime": null, "mtime": null', v_times),
            in_full = REPLACE(in_full, '"ctime": null, "mtime": null', v_times),
            in_record = REPLACE(in_record, '"created_at": null, "updated_at": null', CONCAT(
                '"created_at": "', v_time, '", "updated_at": "', v_time, '"'
            ));
        INSERT INTO contact (owner_id, id, entity, email, surname, display_name, firstname, lastname, company,
                             job_title, comment, message, metadata, avatar_path, source_id, ctime, mtime)
        VALUES (in_owner, in_id, COALESCE(v_email, in_id), v_email,
                JSON_VALUE(in_contact, '$.surname'), JSON_VALUE(in_contact, '$.display_name'),
                JSON_VALUE(in_contact, '$.firstname'), JSON_VALUE(in_contact, '$.lastname'),
                JSON_VALUE(in_contact, '$.company'), JSON_VALUE(in_contact, '$.job_title'),
                JSON_VALUE(in_contact, '$.comment'), JSON_VALUE(in_contact, '$.message'),
                JSON_LOOSE(JSON_QUERY(in_contact, '$.metadata')), JSON_VALUE(in_contact, '$.avatar_path'),
                JSON_VALUE(in_contact, '$.source_id'), v_seconds, v_seconds);
        IF v_email IS NOT NULL THEN
            INSERT INTO contact_email (owner_id, contact_id, email, id, category, is_default, position, label)
            VALUES (in_owner, in_id, v_email, JSON_VALUE(in_contact, '$.email[0].id'),
                    JSON_VALUE(in_contact, '$.email[0].category'), 1, 1,
                    JSON_VALUE(in_contact, '$.email[0].label'));
        END IF;
        -- one entry needs no table in memory
        IF JSON_EXISTS(in_contact, '$.mobile[1]') THEN
            INSERT INTO contact_phone (owner_id, contact_id, id, areacode, phone, category, is_default,
                                       position, label)
            SELECT in_owner, in_id, j.id, j.areacode, j.phone, j.category, j.is_default, j.position, j.label
            FROM JSON_TABLE(in_contact, '$.mobile[*]' COLUMNS (
                position   FOR ORDINALITY,
                id         CHAR(16) COLLATE ascii_bin PATH '$.id',
                areacode   VARCHAR(16) COLLATE utf8mb4_bin PATH '$.areacode',
                phone      VARCHAR(81) COLLATE utf8mb4_bin PATH '$.phone',
                category   VARCHAR(8) COLLATE ascii_bin PATH '$.category',
                is_default TINYINT PATH '$.is_default',
                label      VARCHAR(32) COLLATE utf8mb4_bin PATH '$.label'
            )) AS j;
        ELSEIF JSON_EXISTS(in_contact, '$.mobile[0]') THEN
            INSERT INTO contact_phone (owner_id, contact_id, id, areacode, phone, category, is_default,
                                       position, label)
            VALUES (in_owner, in_id, JSON_VALUE(in_contact, '$.mobile[0].id'),
                    JSON_VALUE(in_contact, '$.mobile[0].areacode'),
                    JSON_VALUE(in_contact, '$.mobile[0].phone'),
                    JSON_VALUE(in_contact, '$.mobile[0].category'),
                    JSON_VALUE(in_contact, '$.mobile[0].is_default'), 1,
                    JSON_VALUE(in_contact, '$.mobile[0].label'));
        END IF;
        IF JSON_EXISTS(in_contact, '$.address[1]') THEN
            INSERT INTO contact_address (owner_id, contact_id, id, street, city, state, postal_code, country,
                                         category, is_default, position, label)
            SELECT in_owner, in_id, j.id, j.street, j.city, j.state, j.postal_code, j.country, j.category,
                   j.is_default, j.position, j.label
            FROM JSON_TABLE(in_contact, '$.address[*]' COLUMNS (
                position    FOR ORDINALITY,
                id          CHAR(16) COLLATE ascii_bin PATH '$.id',
                street      VARCHAR(255) COLLATE utf8mb4_bin PATH '$.street',
                city        VARCHAR(255) COLLATE utf8mb4_bin PATH '$.city',
                state       VARCHAR(255) COLLATE utf8mb4_bin PATH '$.state',
                postal_code VARCHAR(32) COLLATE utf8mb4_bin PATH '$.postal_code',
                country     VARCHAR(255) COLLATE utf8mb4_bin PATH '$.country',
                category    VARCHAR(8) COLLATE ascii_bin PATH '$.category',
                is_default  TINYINT PATH '$.is_default',
                label       VARCHAR(32) COLLATE utf8mb4_bin PATH '$.label'
            )) AS j;
        ELSEIF JSON_EXISTS(in_contact, '$.address[0]') THEN
            INSERT INTO contact_address (owner_id, contact_id, id, street, city, state, postal_code, country,
                                         category, is_default, position, label)
            VALUES (in_owner, in_id, JSON_VALUE(in_contact, '$.address[0].id'),
                    JSON_VALUE(in_contact, '$.address[0].street'),
                    JSON_VALUE(in_contact, '$.address[0].city'),
                    JSON_VALUE(in_contact, '$.address[0].state'),
                    JSON_VALUE(in_contact, '$.address[0].postal_code'),
                    JSON_VALUE(in_contact, '$.address[0].country'),
                    JSON_VALUE(in_contact, '$.address[0].category'),
                    JSON_VALUE(in_contact, '$.address[0].is_default'), 1,
                    JSON_VALUE(in_contact, '$.address[0].label'));
        END IF;
        INSERT INTO contact_record (owner_id, contact_id, rev, created_rev, state, created_at, updated_at,
                                    digest, names_digest, private, record, rpc_card, rpc_full)
        VALUES (in_owner, in_id, v_rev, v_rev, 'active', v_now, v_now, UNHEX(in_digest),
                UNHEX(in_names_digest), in_private, in_record, TRIM(TRAILING '}' FROM in_card), in_full);
        INSERT INTO contact_event (owner_id, rev, contact_id, event, at, writer)
        VALUES (in_owner, v_rev, in_id, 'created', v_seconds, CONNECTION_ID());
        INSERT INTO contact_index (owner_id, is_deleted, kind, word, contact_id, name)
        -- the last character of Unicode sorts contacts without a company behind all others
        SELECT in_owner, 0, j.kind,
               COALESCE(j.word, IF(j.kind = 'company', _utf8mb4 x'F48FBFBF' COLLATE utf8mb4_bin, v_time)),
               in_id, in_name
        FROM JSON_TABLE(in_words, '$[*]' COLUMNS (
            kind VARCHAR(16) COLLATE ascii_bin PATH '$[0]',
            NESTED PATH '$[1][*]' COLUMNS (word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$')
        )) AS j
        WHERE j.word <> '' OR j.word IS NULL OR j.kind = 'company_desc'
        ON DUPLICATE KEY UPDATE contact_id = in_id;
        IF JSON_EXISTS(in_contact, '$.name_words') THEN
            INSERT INTO contact_index (owner_id, is_deleted, kind, word, contact_id, name)
            SELECT in_owner, 0, 'name',
                   COALESCE(LEFT(GROUP_CONCAT(j.word ORDER BY j.word SEPARATOR ' '), 255), ''), in_id, in_name
            FROM JSON_TABLE(in_contact, '$.name_words[*]' COLUMNS (
                word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
            )) AS j
            WHERE j.word <> '';
        END IF;

        SELECT in_full AS data, in_record AS record, v_rev AS rev;
        CALL yp.user_sockets(in_owner, NULL);
    END IF;
END$$
DELIMITER ;
