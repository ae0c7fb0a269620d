-- my_contact_replace: store a changed contact of which the service has rendered the record.
--
-- Only while the contact is still as the service has read it (my_contact_form), stands for nobody who is
-- registered, and is not blocked. Otherwise it changes nothing, and the caller goes on with
-- my_contact_update. The email addresses and tags of the contact stay.
--
-- Params:   in_owner              owner of the address book
--           in_id                 contact
--           in_digest             MD5 of the record, in hexadecimal digits, as it was read
--           in_full_digest        the same of the stored text of the RPC
--           in_names_digest       the same of the names
--           in_contact            JSON with any of firstname, lastname, surname, display_name, job_title,
--                                 comment, message (texts, or null), mobile and address (all entries of the
--                                 list: id, position, columns of the table, new_label; keeps_label, 1: it
--                                 stays), no_mobile and no_address (ids of the entries that are deleted);
--                                 rev, the revision that the record must have
--           in_words              JSON, the rows of contact_index: removed and added, arrays of arrays, kind
--                                 and words; with display_name, the name is written again; name_words,
--                                 the words of the name, when only the collation can sort them
--           in_name               start of the display name, for contact_index
--           in_record             JSON, the new record, with null for its update
--           in_new_digest         MD5 of the new record, in hexadecimal digits
--           in_new_names_digest   MD5 of the new names, in the same way
--           in_private            JSON, contact_record.private
--           in_card               the contact in lists of the RPC (contact_document), with null for mtime
--           in_full               the full contact of the RPC, in the same way
-- Returns:  nothing when the contact has changed; otherwise
--           one row   data  JSON, the full contact (contact_full); record  JSON, the record; rev
--           rows      node, sockets: open sockets of the owner
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL my_contact_replace('00000000000000a1', '0000000000000c01', MD5(''), MD5(''), MD5(''), '{}',
--           '{}', '', '{}', MD5(''), MD5(''), '{}', '{}', '{}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_replace(
    IN in_owner            CHAR(16) COLLATE ascii_bin,
    IN in_id               CHAR(16) COLLATE ascii_bin,
    IN in_digest           CHAR(32) COLLATE ascii_bin,
    IN in_full_digest      CHAR(32) COLLATE ascii_bin,
    IN in_names_digest     CHAR(32) COLLATE ascii_bin,
    IN in_contact          LONGTEXT COLLATE utf8mb4_bin,
    IN in_words            LONGTEXT COLLATE utf8mb4_bin,
    IN in_name             VARCHAR(64),
    IN in_record           LONGTEXT COLLATE utf8mb4_bin,
    IN in_new_digest       CHAR(32) COLLATE ascii_bin,
    IN in_new_names_digest CHAR(32) COLLATE ascii_bin,
    IN in_private          TEXT COLLATE utf8mb4_bin,
    IN in_card             LONGTEXT COLLATE utf8mb4_bin,
    IN in_full             LONGTEXT COLLATE utf8mb4_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now DATETIME(3) DEFAULT UTC_TIMESTAMP(3);
    DECLARE v_time VARCHAR(32) COLLATE ascii_bin;
    DECLARE v_seconds INT UNSIGNED DEFAULT UNIX_TIMESTAMP();
    DECLARE v_rev BIGINT UNSIGNED;
    DECLARE v_name VARCHAR(64) COLLATE utf8mb4_bin;
    DECLARE v_record, v_private LONGTEXT COLLATE utf8mb4_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    CALL yp.contact_pair_lock(in_owner, NULL, NULL);
    -- unlocked: the owner is locked
    SELECT LEFT(c.full_name, 64), GREATEST(r.created_at, v_now), r.record, r.private
    INTO v_name, v_now, v_record, v_private
    FROM contact AS c FORCE INDEX (PRIMARY)
    JOIN contact_record AS r FORCE INDEX (PRIMARY) ON r.owner_id = in_owner AND r.contact_id = in_id
    -- in_full is the answer, too: it would say that a contact is not blocked
    LEFT JOIN yp.contact_block AS b FORCE INDEX (PRIMARY) ON b.owner_id = in_owner AND b.contact_id = in_id
    WHERE c.owner_id = in_owner AND c.id = in_id AND c.deleted_at IS NULL AND c.peer_id IS NULL
      AND b.contact_id IS NULL AND c.is_auto = 0 AND r.state = 'active' AND r.digest = UNHEX(in_digest)
      AND r.names_digest = UNHEX(in_names_digest) AND UNHEX(MD5(r.rpc_full)) = UNHEX(in_full_digest)
      AND r.rev = COALESCE(JSON_VALUE(in_contact, '$.rev'), r.rev);

    IF v_name IS NOT NULL THEN
        UPDATE contact_ledger SET rev = LAST_INSERT_ID(rev + 1) WHERE owner_id = in_owner;
        SET v_rev = LAST_INSERT_ID(),
            v_time = CONCAT(REPLACE(v_now, ' ', 'T'), 'Z'),
            in_record = REPLACE(in_record, '"updated_at": null', CONCAT('"updated_at": "', v_time, '"')),
            in_card = REPLACE(in_card, '"mtime": null', CONCAT('"mtime": ', v_seconds)),
            in_full = REPLACE(in_full, '"mtime": null', CONCAT('"mtime": ', v_seconds));
        UPDATE contact
        SET firstname = IF(JSON_EXISTS(in_contact, '$.firstname'),
                           JSON_VALUE(in_contact, '$.firstname'), firstname),
            lastname = IF(JSON_EXISTS(in_contact, '$.lastname'),
                          JSON_VALUE(in_contact, '$.lastname'), lastname),
            surname = IF(JSON_EXISTS(in_contact, '$.surname'), JSON_VALUE(in_contact, '$.surname'), surname),
            comment = IF(JSON_EXISTS(in_contact, '$.comment'), JSON_VALUE(in_contact, '$.comment'), comment),
            message = IF(JSON_EXISTS(in_contact, '$.message'), JSON_VALUE(in_contact, '$.message'), message),
            display_name = IF(JSON_EXISTS(in_contact, '$.display_name'),
                              JSON_VALUE(in_contact, '$.display_name'), display_name),
            job_title = IF(JSON_EXISTS(in_contact, '$.job_title'),
                           JSON_VALUE(in_contact, '$.job_title'), job_title),
            mtime = v_seconds
        WHERE owner_id = in_owner AND id = in_id;
        IF JSON_EXISTS(in_contact, '$.no_mobile[0]') THEN
            DELETE FROM contact_phone
            WHERE owner_id = in_owner AND contact_id = in_id
              AND JSON_CONTAINS(in_contact, JSON_QUOTE(id), '$.no_mobile');
        END IF;
        IF JSON_EXISTS(in_contact, '$.mobile[0]') THEN
            INSERT INTO contact_phone (owner_id, contact_id, id, areacode, phone, category, is_default,
                                       position, label)
            SELECT in_owner, in_id, j.id, j.areacode, j.phone, j.category, j.is_default, j.position,
                   IF(j.keeps_label, p.label, j.label)
            FROM JSON_TABLE(in_contact, '$.mobile[*]' COLUMNS (
                id          CHAR(16) COLLATE ascii_bin PATH '$.id',
                areacode    VARCHAR(16) COLLATE utf8mb4_bin PATH '$.areacode',
                phone       VARCHAR(81) COLLATE utf8mb4_bin PATH '$.phone',
                category    VARCHAR(8) COLLATE ascii_bin PATH '$.category',
                is_default  TINYINT PATH '$.is_default',
                position    INT PATH '$.position',
                label       VARCHAR(32) COLLATE utf8mb4_bin PATH '$.new_label',
                keeps_label TINYINT PATH '$.keeps_label'
            )) AS j
            LEFT JOIN contact_phone AS p ON p.owner_id = in_owner AND p.contact_id = in_id AND p.id = j.id
            ON DUPLICATE KEY UPDATE
                -- Repeats contact_details_set
                international = IF(contact_phone.areacode = VALUE(areacode)
                                   AND contact_phone.phone = VALUE(phone), contact_phone.international, NULL),
                areacode = VALUE(areacode), phone = VALUE(phone), category = VALUE(category),
                is_default = VALUE(is_default), position = VALUE(position), label = VALUE(label);
        END IF;
        IF JSON_EXISTS(in_contact, '$.no_address[0]') THEN
            DELETE FROM contact_address
            WHERE owner_id = in_owner AND contact_id = in_id
              AND JSON_CONTAINS(in_contact, JSON_QUOTE(id), '$.no_address');
        END IF;
        IF JSON_EXISTS(in_contact, '$.address[0]') THEN
            INSERT INTO contact_address (owner_id, contact_id, id, street, city, state, postal_code, country,
                                         category, is_default, position, label)
            SELECT in_owner, in_id, j.id, j.street, j.city, j.state, j.postal_code, j.country, j.category,
                   j.is_default, j.position, IF(j.keeps_label, a.label, j.label)
            -- Repeats my_contact_store: the columns of the table
            FROM JSON_TABLE(in_contact, '$.address[*]' COLUMNS (
                id          CHAR(16) COLLATE ascii_bin PATH '$.id',
                street      VARCHAR(255) COLLATE utf8mb4_bin PATH '$.street',
                city        VARCHAR(255) COLLATE utf8mb4_bin PATH '$.city',
                state       VARCHAR(255) COLLATE utf8mb4_bin PATH '$.state',
                postal_code VARCHAR(32) COLLATE utf8mb4_bin PATH '$.postal_code',
                country     VARCHAR(255) COLLATE utf8mb4_bin PATH '$.country',
                category    VARCHAR(8) COLLATE ascii_bin PATH '$.category',
                is_default  TINYINT PATH '$.is_default',
                position    INT PATH '$.position',
                -- Repeats my_contact_replace: the lists are in different tables
                label       VARCHAR(32) COLLATE utf8mb4_bin PATH '$.new_label',
                keeps_label TINYINT PATH '$.keeps_label'
            )) AS j
            LEFT JOIN contact_address AS a ON a.owner_id = in_owner AND a.contact_id = in_id AND a.id = j.id
            ON DUPLICATE KEY UPDATE
                street = VALUE(street), city = VALUE(city), state = VALUE(state),
                postal_code = VALUE(postal_code), country = VALUE(country), category = VALUE(category),
                is_default = VALUE(is_default), position = VALUE(position), label = VALUE(label);
        END IF;
        INSERT INTO contact_event (owner_id, rev, contact_id, event, at, writer, before_record,
                                   before_private)
        VALUES (in_owner, v_rev, in_id, 'updated', v_seconds, CONNECTION_ID(), v_record, v_private);
        UPDATE contact_record
        SET rev = v_rev, card_rev = NULL, card_at = NULL, updated_at = v_now, digest = UNHEX(in_new_digest),
            names_digest = UNHEX(in_new_names_digest), private = in_private, record = in_record,
            rpc_card = TRIM(TRAILING '}' FROM in_card), rpc_full = in_full
        WHERE owner_id = in_owner AND contact_id = in_id;

        UPDATE contact_index
        SET word = v_time
        WHERE owner_id = in_owner AND contact_id = in_id AND kind = 'updated_at';
        IF v_name <> in_name COLLATE utf8mb4_bin THEN
            UPDATE contact_index SET name = in_name WHERE owner_id = in_owner AND contact_id = in_id;
        END IF;
        IF JSON_SEARCH(in_words, 'one', 'display_name', NULL, '$.added[*][0]') IS NOT NULL THEN
            DELETE FROM contact_index
            WHERE owner_id = in_owner AND contact_id = in_id AND kind IN ('display_name', 'name');
        END IF;
        IF JSON_EXISTS(in_words, '$.removed[0]') THEN
            DELETE i
            FROM JSON_TABLE(in_words, '$.removed[*]' COLUMNS (
                kind VARCHAR(16) COLLATE ascii_bin PATH '$[0]',
                NESTED PATH '$[1][*]' COLUMNS (word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$')
            )) AS j
            STRAIGHT_JOIN contact_index AS i FORCE INDEX (PRIMARY)
               ON i.owner_id = in_owner AND i.is_deleted = 0 AND i.kind = j.kind AND i.word = j.word
              AND i.contact_id = in_id;
        END IF;
        IF JSON_EXISTS(in_words, '$.added[0]') THEN
            INSERT INTO contact_index (owner_id, is_deleted, kind, word, contact_id, name)
            SELECT in_owner, 0, j.kind, j.word, in_id, in_name
            FROM JSON_TABLE(in_words, '$.added[*]' COLUMNS (
                kind VARCHAR(16) COLLATE ascii_bin PATH '$[0]',
                NESTED PATH '$[1][*]' COLUMNS (word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$')
            )) AS j
            WHERE j.word <> '' OR j.kind = 'display_name'
            ON DUPLICATE KEY UPDATE name = in_name;
        END IF;
        -- Repeats my_contact_store
        IF JSON_EXISTS(in_words, '$.name_words') THEN
            INSERT INTO contact_index (owner_id, is_deleted, kind, word, contact_id, name)
            SELECT in_owner, 0, 'name',
                   COALESCE(LEFT(GROUP_CONCAT(j.word ORDER BY j.word SEPARATOR ' '), 255), ''), in_id, in_name
            FROM JSON_TABLE(in_words, '$.name_words[*]' COLUMNS (
                word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
            )) AS j
            WHERE j.word <> '';
        END IF;

        SELECT in_full AS data, in_record AS record, v_rev AS rev;
        CALL yp.user_sockets(in_owner, NULL);
    END IF;
END$$
DELIMITER ;
