-- my_contact_import_words: render contacts that the same transaction has imported, with the words that the
-- service has found for them (service/contacts/search_words.py). Those that were not imported are left out.
--
-- The same result as that of contacts_render, in a third of its time: these contacts have no record yet.
--
-- Params:   in_owner   owner of the address book, locked by the caller
--           in_words   JSON array of arrays: the contact, which my_contact_import got with has_words; a list
--                      of arrays: kind (text, name, phone, tag, company_part), words. A name that is NULL is
--                      made here, because its words are in the order of the collation
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL my_contact_import_words('00000000000000a1', '[]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_import_words(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_words LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now DATETIME(3) DEFAULT UTC_TIMESTAMP(3);
    DECLARE v_time VARCHAR(32) COLLATE ascii_bin DEFAULT CONCAT(REPLACE(v_now, ' ', 'T'), 'Z');
    DECLARE v_rev BIGINT UNSIGNED;
    DECLARE v_count INT UNSIGNED;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT rev INTO v_rev FROM contact_ledger WHERE owner_id = in_owner FOR UPDATE;
    IF v_rev IS NULL THEN
        INSERT INTO contact_ledger (owner_id) VALUES (in_owner) ON DUPLICATE KEY UPDATE rev = rev;
        SELECT rev INTO v_rev FROM contact_ledger WHERE owner_id = in_owner FOR UPDATE;
    END IF;

    INSERT INTO contact_record (owner_id, contact_id, rev, created_rev, state, created_at, updated_at, digest,
                                names_digest, private, record, rpc_card, rpc_full)
    SELECT in_owner, n.id, v_rev + n.place, v_rev + n.place, 'active', v_now, v_now,
           UNHEX(MD5(JSON_COMPACT(n.record))), UNHEX(MD5(n.names)), n.private,
           JSON_SET(n.record, '$.created_at', v_time, '$.updated_at', v_time), n.rpc_card, n.rpc_full
    -- a table of its own: the record is made once
    FROM (
        SELECT STRAIGHT_JOIN s.id, j.place, s.names, s.private, s.record, d.rpc_card, d.rpc_full
        FROM JSON_TABLE(in_words, '$[*]' COLUMNS (
            place FOR ORDINALITY,
            id    CHAR(16) COLLATE ascii_bin PATH '$[0]'
        )) AS j
        JOIN contact_sheet AS s ON s.owner_id = in_owner AND s.id = j.id
        LEFT JOIN contact_document AS d ON d.owner_id = in_owner AND d.id = j.id
        LIMIT 1000
    ) AS n;

    SET v_count = ROW_COUNT();
    IF v_count > 0 THEN
        INSERT INTO contact_event (owner_id, rev, contact_id, event, at, writer)
        SELECT in_owner, rev, contact_id, 'created', UNIX_TIMESTAMP(), CONNECTION_ID()
        FROM contact_record FORCE INDEX (by_rev)
        WHERE owner_id = in_owner AND rev > v_rev;
        UPDATE contact_ledger
        SET active = active + v_count,
            rev = (
                SELECT MAX(r.rev) FROM contact_record AS r FORCE INDEX (by_rev) WHERE r.owner_id = in_owner
            )
        WHERE owner_id = in_owner;
    END IF;

    -- Repeats contact_keys, which has one record in variables, for the columns that sort a set
    INSERT INTO contact_index (owner_id, is_deleted, kind, word, contact_id, name)
    SELECT STRAIGHT_JOIN in_owner, 0, k.kind, CASE k.kind
               WHEN 'display_name' THEN c.full_name
               WHEN 'company_desc' THEN COALESCE(c.company, '')
               WHEN 'source' THEN MD5(COALESCE(c.origin, 'local'))
               -- the last character of Unicode
               WHEN 'company' THEN COALESCE(c.company, _utf8mb4 x'F48FBFBF')
               ELSE v_time
           END, c.id, LEFT(c.full_name, 64)
    FROM JSON_TABLE(in_words, '$[*]' COLUMNS (id CHAR(16) COLLATE ascii_bin PATH '$[0]')) AS j
    JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id
    JOIN JSON_TABLE(
        '["display_name", "company", "created_at", "updated_at", "source", "company_desc"]', '$[*]' COLUMNS (
            kind VARCHAR(16) COLLATE ascii_bin PATH '$'
        )
    ) AS k;
    INSERT INTO contact_index (owner_id, is_deleted, kind, word, contact_id, name)
    SELECT STRAIGHT_JOIN in_owner, 0, j.kind, COALESCE(j.word, name_key(c.full_name), ''), c.id,
           LEFT(c.full_name, 64)
    FROM JSON_TABLE(in_words, '$[*]' COLUMNS (
        id CHAR(16) COLLATE ascii_bin PATH '$[0]',
        NESTED PATH '$[1][*]' COLUMNS (
            kind VARCHAR(16) COLLATE ascii_bin PATH '$[0]',
            NESTED PATH '$[1][*]' COLUMNS (word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$')
        )
    )) AS j
    JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id
    WHERE j.word <> ''
       OR j.word IS NULL AND j.kind = 'name'
    ON DUPLICATE KEY UPDATE contact_id = c.id;
END$$
DELIMITER ;
