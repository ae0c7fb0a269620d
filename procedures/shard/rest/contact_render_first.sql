-- contact_render_first: render the record, the texts of the RPC and the words of a contact that the same
-- transaction has made, and answer them. The result is that of contact_render_parts, in a third of its time:
-- the contact has no record before, no groups, and no lists but those of in_contact. A contact with tags,
-- with more than one entry of a kind, or without words goes to contact_render_parts.
--
-- Params:   in_owner     owner of the address book, locked by the caller
--           in_id        contact that contact_write has made with in_is_new 2
--           in_contact   JSON that contact_write got; words, as the service finds them
--                        (service/contacts/search_words.py): an array of arrays, kind (text, phone,
--                        company_part) and words; name_key, the words of the name in the order of the
--                        collation, made here where the service cannot tell that order
--           out_rev      revision of the address book
--           out_record   JSON, the contact as the REST API shows it
--           out_card     the contact in lists of the RPC (contact_document), or NULL
--           out_full     the full contact of the RPC (contact_document), or NULL
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_render_first('00000000000000a1', '0000000000000c01', '{}',
--           @rev, @record, @card, @full);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_render_first(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_id       CHAR(16) COLLATE ascii_bin,
    IN in_contact  LONGTEXT,
    OUT out_rev    BIGINT UNSIGNED,
    OUT out_record LONGTEXT,
    OUT out_card   LONGTEXT COLLATE utf8mb4_bin,
    OUT out_full   LONGTEXT COLLATE utf8mb4_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now DATETIME(3) DEFAULT UTC_TIMESTAMP(3);
    DECLARE v_time VARCHAR(32) COLLATE ascii_bin DEFAULT CONCAT(REPLACE(v_now, ' ', 'T'), 'Z');
    DECLARE v_emails, v_phones, v_addresses INT UNSIGNED DEFAULT 0;
    DECLARE v_private, v_words LONGTEXT;
    DECLARE v_names TEXT;
    DECLARE v_display, v_company, v_name_key VARCHAR(255);
    DECLARE v_name VARCHAR(64);
    DECLARE v_source VARCHAR(32);
    DECLARE v_digest BINARY(16);
    DECLARE v_email, v_full_email, v_phone, v_full_phone, v_address, v_full_address LONGTEXT DEFAULT '';
    DECLARE v_more LONGTEXT;
    DECLARE v_private_phone, v_private_address, v_international TEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SET v_emails = COALESCE(JSON_LENGTH(in_contact, '$.email'), 0),
        v_phones = COALESCE(JSON_LENGTH(in_contact, '$.mobile'), 0),
        v_addresses = COALESCE(JSON_LENGTH(in_contact, '$.address'), 0),
        v_words = JSON_QUERY(in_contact, '$.words'),
        v_name_key = JSON_VALUE(in_contact, '$.name_key');
    IF v_words IS NULL OR v_emails > 1 OR v_phones > 1 OR v_addresses > 1
       OR JSON_LENGTH(in_contact, '$.tag') > 0 OR JSON_LENGTH(in_contact, '$.tags') > 0 THEN
        CALL contact_render_parts(in_owner, in_id, 'all', NULL);
        -- unlocked: the ledger is locked
        SELECT rev, record, CONCAT(rpc_card, '}'), rpc_full INTO out_rev, out_record, out_card, out_full
        FROM contact_record
        WHERE owner_id = in_owner AND contact_id = in_id;
    ELSE
        SELECT rev + 1 INTO out_rev FROM contact_ledger WHERE owner_id = in_owner FOR UPDATE;
        IF out_rev IS NULL THEN
            INSERT INTO contact_ledger (owner_id) VALUES (in_owner) ON DUPLICATE KEY UPDATE rev = rev;
            SELECT rev + 1 INTO out_rev FROM contact_ledger WHERE owner_id = in_owner FOR UPDATE;
        END IF;
        SELECT o.record, o.private, o.names, c.full_name, LEFT(c.full_name, 64), c.company,
               COALESCE(c.origin, 'local'), b.card, b.more
        INTO out_record, v_private, v_names, v_display, v_name, v_company, v_source, out_card, v_more
        FROM contact AS c
        JOIN contact_outline AS o ON o.owner_id = c.owner_id AND o.id = c.id
        LEFT JOIN contact_base AS b ON b.owner_id = c.owner_id AND b.id = c.id AND b.peer_id IS NULL
        WHERE c.owner_id = in_owner AND c.id = in_id;
        IF v_emails > 0 THEN
            SELECT record, full INTO v_email, v_full_email
            FROM assigned_email
            WHERE owner_id = in_owner AND contact_id = in_id;
        END IF;
        IF v_phones > 0 THEN
            SELECT alone, full, private, international
            INTO v_phone, v_full_phone, v_private_phone, v_international
            FROM assigned_phone
            WHERE owner_id = in_owner AND contact_id = in_id;
        END IF;
        IF v_addresses > 0 THEN
            SELECT record, full, private INTO v_address, v_full_address, v_private_address
            FROM address_sheet
            WHERE owner_id = in_owner AND contact_id = in_id;
        END IF;
        SET v_names = CONCAT(v_names, COALESCE(CONCAT(_utf8mb4 x'1F', v_international), '')),
            v_private = JSON_REPLACE(v_private, '$.phones', v_private_phone,
                                     '$.addresses', v_private_address),
            out_record = JSON_REPLACE(
                out_record,
                '$.emails', JSON_COMPACT(CONCAT('[', v_email, ']')),
                '$.phones', JSON_COMPACT(CONCAT('[', v_phone, ']')),
                '$.addresses', JSON_COMPACT(CONCAT('[', v_address, ']'))
            ),
            v_digest = UNHEX(MD5(JSON_COMPACT(out_record))),
            out_record = JSON_SET(out_record, '$.created_at', v_time, '$.updated_at', v_time),
            -- as contact_document
            out_full = CONCAT(
                TRIM(TRAILING '}' FROM JSON_REMOVE(out_card, '$.email')), v_more,
                ', "email": [', v_full_email, '], "mobile": [', v_full_phone,
                '], "address": [', v_full_address, '], "tag": []}'
            );
        INSERT INTO contact_record (owner_id, contact_id, rev, created_rev, state, created_at, updated_at,
                                    digest, names_digest, private, record, rpc_card, rpc_full)
        VALUES (in_owner, in_id, out_rev, out_rev, 'active', v_now, v_now, v_digest, UNHEX(MD5(v_names)),
                v_private, out_record, TRIM(TRAILING '}' FROM out_card), out_full);
        INSERT INTO contact_event (owner_id, rev, contact_id, event, at, writer)
        VALUES (in_owner, out_rev, in_id, 'created', UNIX_TIMESTAMP(), CONNECTION_ID());
        UPDATE contact_ledger SET rev = out_rev, active = active + 1 WHERE owner_id = in_owner;

        IF v_name_key IS NULL THEN
            -- as name_key, which would be one more routine that every write reaches
            SELECT LEFT(GROUP_CONCAT(j.word ORDER BY j.word SEPARATOR ' '), 255) INTO v_name_key
            FROM JSON_TABLE(text_words(v_display, 'plain'), '$[*]' COLUMNS (
                word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
            )) AS j
            WHERE j.word <> '';
        END IF;
        -- Repeats my_contact_import_words, which has the columns of a set
        INSERT INTO contact_index (owner_id, is_deleted, kind, word, contact_id, name)
        VALUES (in_owner, 0, 'display_name', v_display, in_id, v_name),
               -- the last character of Unicode
               (in_owner, 0, 'company', COALESCE(v_company, _utf8mb4 x'F48FBFBF'), in_id, v_name),
               (in_owner, 0, 'created_at', v_time, in_id, v_name),
               (in_owner, 0, 'updated_at', v_time, in_id, v_name),
               (in_owner, 0, 'source', MD5(v_source), in_id, v_name),
               (in_owner, 0, 'company_desc', COALESCE(v_company, ''), in_id, v_name),
               (in_owner, 0, 'name', COALESCE(v_name_key, ''), in_id, v_name);
        INSERT INTO contact_index (owner_id, is_deleted, kind, word, contact_id, name)
        SELECT in_owner, 0, j.kind, j.word, in_id, v_name
        FROM JSON_TABLE(v_words, '$[*]' COLUMNS (
            kind VARCHAR(16) COLLATE ascii_bin PATH '$[0]',
            NESTED PATH '$[1][*]' COLUMNS (word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$')
        )) AS j
        WHERE j.word <> ''
        ON DUPLICATE KEY UPDATE contact_id = in_id;
    END IF;
END$$
DELIMITER ;
