-- contact_render_parts: render the record of a contact (view contact_sheet), what the RPC shows of it (view
-- contact_document) and its words in the index. If the record differs from the stored one, the revision of
-- the address book grows by one, and an event is written, with the state before (docs/decisions/history.md).
-- A permanent deletion removes the history, the picture and the data in reports of imports of the contact,
-- and of those merged into it; a contact that is merged into another one keeps its own.
--
-- A routine that writes a contact or its entries calls this last; for several contacts it calls
-- contacts_render. The lock of the ledger orders the changes of an owner as they are committed;
-- only records are locked after it. Reads need no locks: another call that changes the contact at
-- the same time renders it after this one.
--
-- Params:   in_owner   owner of the address book
--           in_id      contact, in the address book, in the trash, or deleted
--           in_parts   fields: only columns of `contact` have changed, the lists are taken from the stored
--                      record; all: the lists are read
--           in_words   JSON, when the service knows how the search words change: removed and added, arrays of
--                      words of the kind text. The names are the same then. NULL: SQL finds them
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_render_parts('00000000000000a1', '0000000000000c01', 'all', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_render_parts(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_id    CHAR(16) COLLATE ascii_bin,
    IN in_parts VARCHAR(8) COLLATE ascii_bin,
    IN in_words LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now, v_created_at, v_updated_at, v_deleted_at DATETIME(3) DEFAULT UTC_TIMESTAMP(3);
    DECLARE v_seconds BIGINT DEFAULT UNIX_TIMESTAMP() - 2;
    DECLARE v_rev BIGINT UNSIGNED;
    DECLARE v_merged_into CHAR(16) COLLATE ascii_bin;
    DECLARE v_old_private, v_private, v_erased_ids LONGTEXT;
    DECLARE v_old_state, v_state VARCHAR(8) COLLATE ascii_bin;
    DECLARE v_old_digest, v_digest, v_old_names_digest, v_names_digest BINARY(16);
    DECLARE v_ctime, v_mtime INT UNSIGNED;
    DECLARE v_names TEXT;
    DECLARE v_name VARCHAR(64);
    DECLARE v_old_record, v_record, v_old_groups, v_groups, v_keys, v_kinds LONGTEXT;
    DECLARE v_old_card, v_card, v_old_full, v_full LONGTEXT COLLATE utf8mb4_bin;
    DECLARE v_count, v_tag_count INT UNSIGNED;
    DECLARE v_emails, v_phones, v_addresses, v_tags, v_full_emails, v_full_phones, v_full_addresses,
        v_more, v_lists LONGTEXT;
    DECLARE v_private_phones, v_private_addresses, v_international TEXT;
    DECLARE v_changed, v_card_changed, v_keeps_history TINYINT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SELECT rev + 1 INTO v_rev FROM contact_ledger WHERE owner_id = in_owner FOR UPDATE;
    IF v_rev IS NULL THEN
        INSERT INTO contact_ledger (owner_id) VALUES (in_owner) ON DUPLICATE KEY UPDATE rev = rev;
        SELECT rev + 1 INTO v_rev FROM contact_ledger WHERE owner_id = in_owner FOR UPDATE;
    END IF;
    -- unlocked: every routine that writes records of the owner holds the lock of the ledger
    SELECT state, digest, names_digest, record, private, rpc_card, rpc_full, created_at, updated_at,
           deleted_at, merged_into
    INTO v_old_state, v_old_digest, v_old_names_digest, v_old_record, v_old_private, v_old_card, v_old_full,
         v_created_at, v_updated_at, v_deleted_at, v_merged_into
    FROM contact_record
    WHERE owner_id = in_owner AND contact_id = in_id;
    SELECT o.state, o.record, o.private, o.names, LEFT(o.full_name, 64), o.ctime, o.mtime, b.card, b.more
    INTO v_state, v_record, v_private, v_names, v_name, v_ctime, v_mtime, v_card, v_more
    FROM contact_outline AS o
    LEFT JOIN contact_base AS b ON b.owner_id = o.owner_id AND b.id = o.id AND b.peer_id IS NULL
    WHERE o.owner_id = in_owner AND o.id = in_id;
    IF in_parts = 'fields' AND v_state = 'active' AND v_old_state = 'active'
       AND (v_card IS NULL OR v_old_full IS NOT NULL) THEN
        SELECT GROUP_CONCAT(COALESCE(NULLIF(international, ''), '-') ORDER BY position SEPARATOR ' ')
        INTO v_international
        FROM contact_phone
        WHERE owner_id = in_owner AND contact_id = in_id;
        SET v_emails = JSON_EXTRACT(v_old_record, '$.emails'),
            v_phones = JSON_EXTRACT(v_old_record, '$.phones'),
            v_addresses = JSON_EXTRACT(v_old_record, '$.addresses'),
            v_tags = JSON_EXTRACT(v_old_record, '$.tags'),
            v_groups = JSON_EXTRACT(v_old_record, '$.groups'),
            v_private_phones = JSON_VALUE(v_old_private, '$.phones'),
            v_private_addresses = JSON_VALUE(v_old_private, '$.addresses'),
            -- the last one: custom fields may have the same key
            v_lists = CONCAT(', "email": [', SUBSTRING_INDEX(v_old_full, ', "email": [', -1));
    ELSEIF v_state IS NOT NULL THEN
        -- As contact_sheet, whose lists are sub-selects, and fill a table in memory each: here an entry that
        -- is alone in its list needs none
        SELECT COUNT(*), COALESCE(MAX(record), ''), COALESCE(MAX(full), '')
        INTO v_count, v_emails, v_full_emails
        FROM assigned_email
        WHERE owner_id = in_owner AND contact_id = in_id;
        IF v_count > 1 THEN
            SELECT GROUP_CONCAT(CAST(record AS CHAR(500)) ORDER BY position),
                   GROUP_CONCAT(CAST(full AS CHAR(500)) ORDER BY position SEPARATOR ', ')
            INTO v_emails, v_full_emails
            FROM assigned_email
            WHERE owner_id = in_owner AND contact_id = in_id;
        END IF;
        SELECT COUNT(*), COALESCE(MAX(alone), ''), COALESCE(MAX(full), ''), MAX(private), MAX(international)
        INTO v_count, v_phones, v_full_phones, v_private_phones, v_international
        FROM assigned_phone
        WHERE owner_id = in_owner AND contact_id = in_id;
        IF v_count > 1 THEN
            SELECT GROUP_CONCAT(CAST(record AS CHAR(500)) ORDER BY position),
                   GROUP_CONCAT(CAST(full AS CHAR(500)) ORDER BY position SEPARATOR ', '),
                   GROUP_CONCAT(private), GROUP_CONCAT(international ORDER BY position SEPARATOR ' ')
            INTO v_phones, v_full_phones, v_private_phones, v_international
            FROM assigned_phone
            WHERE owner_id = in_owner AND contact_id = in_id;
        END IF;
        SELECT COUNT(*), COALESCE(MAX(record), ''), COALESCE(MAX(full), ''), MAX(private)
        INTO v_count, v_addresses, v_full_addresses, v_private_addresses
        FROM address_sheet
        WHERE owner_id = in_owner AND contact_id = in_id;
        IF v_count > 1 THEN
            SELECT GROUP_CONCAT(
                       CAST(SUBSTR(record, 1, 500) AS CHAR(500)),
                       CAST(SUBSTR(record, 501, 500) AS CHAR(500)),
                       CAST(SUBSTR(record, 1001, 500) AS CHAR(500)),
                       CAST(SUBSTR(record, 1501, 500) AS CHAR(500)),
                       CAST(SUBSTR(record, 2001, 500) AS CHAR(500))
                       ORDER BY position
                   ), GROUP_CONCAT(
                       CAST(SUBSTR(full, 1, 500) AS CHAR(500)),
                       CAST(SUBSTR(full, 501, 500) AS CHAR(500)),
                       CAST(SUBSTR(full, 1001, 500) AS CHAR(500)),
                       CAST(SUBSTR(full, 1501, 500) AS CHAR(500)),
                       CAST(SUBSTR(full, 2001, 500) AS CHAR(500))
                       ORDER BY position SEPARATOR ', '
                   ), GROUP_CONCAT(private)
            INTO v_addresses, v_full_addresses, v_private_addresses
            FROM address_sheet
            WHERE owner_id = in_owner AND contact_id = in_id;
        END IF;
        SELECT COUNT(*), IF(COUNT(*) = 0, '[]', JSON_ARRAY(MAX(name))) INTO v_tag_count, v_tags
        FROM assigned_tag
        WHERE owner_id = in_owner AND entity_id = in_id;
        IF v_tag_count > 1 THEN
            SELECT JSON_ARRAYAGG(name ORDER BY name COLLATE utf8mb4_unicode_520_ci, name) INTO v_tags
            FROM assigned_tag
            WHERE owner_id = in_owner AND entity_id = in_id;
        END IF;
        SELECT COUNT(*), IF(COUNT(*) = 0, '[]', JSON_ARRAY(MAX(g.name))) INTO v_count, v_groups
        FROM contact_group_member AS m FORCE INDEX (by_contact)
        STRAIGHT_JOIN contact_group AS g FORCE INDEX (PRIMARY)
           ON g.owner_id = m.owner_id AND g.id = m.group_id
        WHERE m.owner_id = in_owner AND m.contact_id = in_id;
        IF v_count > 1 THEN
            SELECT JSON_ARRAYAGG(g.name ORDER BY g.name, g.id) INTO v_groups
            FROM contact_group_member AS m FORCE INDEX (by_contact)
            STRAIGHT_JOIN contact_group AS g FORCE INDEX (PRIMARY)
               ON g.owner_id = m.owner_id AND g.id = m.group_id
            WHERE m.owner_id = in_owner AND m.contact_id = in_id;
        END IF;
        SET v_emails = CONCAT('[', v_emails, ']'), v_phones = CONCAT('[', v_phones, ']'),
            v_addresses = CONCAT('[', v_addresses, ']'),
            -- as contact_document
            v_lists = CONCAT(
                ', "email": [', v_full_emails, '], "mobile": [', v_full_phones,
                '], "address": [', v_full_addresses, '], "tag": [', IF(v_tag_count > 0, '', ']}')
            );
    END IF;
    IF v_state IS NOT NULL THEN
        SET v_names = CONCAT(v_names, COALESCE(CONCAT(_utf8mb4 x'1F', v_international), '')),
            v_private = JSON_REPLACE(v_private, '$.phones', v_private_phones,
                                     '$.addresses', v_private_addresses),
            v_record = JSON_REPLACE(
                v_record,
                '$.emails', JSON_COMPACT(v_emails),
                '$.phones', JSON_COMPACT(v_phones),
                '$.addresses', JSON_COMPACT(v_addresses),
                '$.tags', JSON_COMPACT(v_tags),
                '$.groups', JSON_COMPACT(v_groups)
            ),
            v_full = CONCAT(TRIM(TRAILING '}' FROM JSON_REMOVE(v_card, '$.email')), v_more, v_lists),
            v_card = TRIM(TRAILING '}' FROM v_card);
    END IF;

    -- clients that synchronise learn of the deletion by a tombstone
    IF v_state IS NULL AND v_old_state IS NOT NULL THEN
        SET v_state = 'purged',
            v_record = JSON_OBJECT('id', JSON_VALUE(v_old_record, '$.id'), 'permanent', TRUE);
    END IF;
    SET v_digest = UNHEX(MD5(JSON_COMPACT(v_record))),
        v_names_digest = UNHEX(MD5(v_names)),
        v_changed = v_state IS NOT NULL
                    AND NOT (v_state <=> v_old_state AND (v_state = 'purged' OR v_digest <=> v_old_digest));

    IF v_changed THEN
        IF v_old_state IS NULL THEN
            -- a contact knows whole seconds only; one that is written at this moment gets milliseconds
            SET v_created_at = IF(v_ctime > v_seconds, v_now, TIMESTAMPADD(SECOND, v_ctime, '1970-01-01')),
                v_updated_at = IF(v_mtime > v_seconds, v_now, TIMESTAMPADD(SECOND, v_mtime, '1970-01-01'));
        ELSE
            SET v_updated_at = GREATEST(v_now, v_created_at);
        END IF;
        SET v_deleted_at = CASE WHEN v_state = 'active' THEN NULL
                                WHEN v_state <=> v_old_state THEN v_deleted_at
                                ELSE v_updated_at END;
        IF v_state <> 'purged' THEN
            SET v_record = JSON_SET(v_record, '$.created_at', CONCAT(REPLACE(v_created_at, ' ', 'T'), 'Z'),
                                    '$.updated_at', CONCAT(REPLACE(v_updated_at, ' ', 'T'), 'Z'),
                                    '$.deleted_at', CONCAT(REPLACE(v_deleted_at, ' ', 'T'), 'Z'));
        END IF;
        -- a card does not show the groups of its contact: it keeps its tag and its time
        SET v_card_changed = NOT COALESCE(
            v_old_state IS NOT NULL
            AND v_state = v_old_state
            AND JSON_EXTRACT(v_record, '$.groups') <> JSON_EXTRACT(v_old_record, '$.groups')
            AND MD5(JSON_COMPACT(JSON_REMOVE(v_record, '$.groups', '$.created_at', '$.updated_at',
                                             '$.deleted_at')))
                = MD5(JSON_COMPACT(JSON_REMOVE(v_old_record, '$.groups', '$.created_at', '$.updated_at',
                                               '$.deleted_at'))), 0);
        INSERT INTO contact_record (owner_id, contact_id, rev, created_rev, restored_rev, state, created_at,
                                    updated_at, deleted_at, digest, names_digest, private, record,
                                    rpc_card, rpc_full)
        VALUES (in_owner, in_id, v_rev, v_rev, 0, v_state, v_created_at,
                v_updated_at, v_deleted_at, v_digest, v_names_digest, v_private, v_record, v_card, v_full)
        ON DUPLICATE KEY UPDATE
            card_rev = IF(v_card_changed, NULL, COALESCE(card_rev, rev)),
            card_at = IF(v_card_changed, NULL, COALESCE(card_at, updated_at)),
            rev = v_rev, created_rev = IF(state = 'purged', v_rev, created_rev),
            restored_rev = IF(state = 'deleted' AND v_state = 'active', v_rev, restored_rev),
            state = v_state, updated_at = v_updated_at, deleted_at = v_deleted_at, digest = v_digest,
            names_digest = v_names_digest, private = v_private, record = v_record,
            rpc_card = v_card, rpc_full = v_full,
            merged_into = IF(v_state = 'purged', merged_into, NULL);
        SET v_keeps_history = v_state <> 'purged' OR v_merged_into IS NOT NULL;
        INSERT INTO contact_event (owner_id, rev, contact_id, event, at, writer, before_record,
                                   before_private)
        VALUES (in_owner, v_rev, in_id,
                CASE WHEN v_state <> 'active' THEN v_state
                     WHEN COALESCE(v_old_state, 'purged') = 'purged' THEN 'created'
                     WHEN v_old_state = 'deleted' THEN 'restored'
                     ELSE 'updated' END,
                UNIX_TIMESTAMP(), CONNECTION_ID(),
                IF(v_keeps_history AND v_old_state <> 'purged', v_old_record, NULL),
                IF(v_keeps_history AND v_old_state <> 'purged', v_old_private, NULL));
        UPDATE contact_ledger
        SET rev = v_rev,
            active = active + IF(v_state = 'active', 1, 0) - IF(v_old_state <=> 'active', 1, 0),
            deleted = deleted + IF(v_state = 'deleted', 1, 0) - IF(v_old_state <=> 'deleted', 1, 0)
        WHERE owner_id = in_owner;
        -- the card of a group lists the contacts that CardDAV shows; after a deletion only the record says
        -- in which groups a contact was
        SET v_old_groups = IF(v_old_state = 'active' AND JSON_VALUE(v_old_record, '$.archived') = 0,
                              JSON_EXTRACT(v_old_record, '$.groups'), '[]'),
            v_groups = IF(v_state = 'active' AND JSON_VALUE(v_record, '$.archived') = 0,
                          JSON_EXTRACT(v_record, '$.groups'), '[]');
        IF v_old_groups <> v_groups THEN
            UPDATE JSON_TABLE(JSON_MERGE_PRESERVE(v_old_groups, v_groups), '$[*]' COLUMNS (
                name VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
            )) AS j
            STRAIGHT_JOIN contact_group AS g FORCE INDEX (by_name)
               ON g.owner_id = in_owner AND g.name = j.name
            SET g.rev = 0
            WHERE JSON_CONTAINS(v_old_groups, JSON_QUOTE(j.name))
                  <> JSON_CONTAINS(v_groups, JSON_QUOTE(j.name));
        END IF;
    ELSEIF NOT (v_names_digest <=> v_old_names_digest AND v_private <=> v_old_private) THEN
        UPDATE contact_record
        SET names_digest = v_names_digest, private = v_private, rpc_card = v_card, rpc_full = v_full
        WHERE owner_id = in_owner AND contact_id = in_id;
        -- the feed leaves it out: only the RPC shows these values; its pages of lists remember the revision
        IF v_old_private IS NOT NULL THEN
            INSERT INTO contact_event (owner_id, rev, contact_id, event, at, writer, before_record,
                                       before_private)
            VALUES (in_owner, v_rev, in_id, 'private', UNIX_TIMESTAMP(), CONNECTION_ID(), v_old_record,
                    v_old_private);
        END IF;
        UPDATE contact_ledger SET rev = v_rev WHERE owner_id = in_owner;
        SET v_changed = NOT (v_names_digest <=> v_old_names_digest), v_record = v_old_record;
    ELSEIF NOT (v_card <=> v_old_card AND v_full <=> v_old_full) THEN
        UPDATE contact_record
        SET rpc_card = v_card, rpc_full = v_full
        WHERE owner_id = in_owner AND contact_id = in_id;
    END IF;

    IF v_changed AND v_state = 'purged' THEN
        DELETE FROM contact_index WHERE owner_id = in_owner AND contact_id = in_id;
        UPDATE contact_vcard
        SET rev = v_rev, uid = NULL, card = NULL, sent = NULL
        WHERE owner_id = in_owner AND contact_id = in_id;
        IF NOT v_keeps_history THEN
            -- unlocked: the ledger is locked
            WITH RECURSIVE merged AS (
                SELECT CAST(in_id AS CHAR(16)) AS contact_id
                UNION
                SELECT r.contact_id
                FROM merged AS m
                JOIN contact_record AS r FORCE INDEX (by_state)
                  ON r.owner_id = in_owner AND r.state = 'purged' AND r.merged_into = m.contact_id
            )
            SELECT JSON_ARRAYAGG(m.contact_id) INTO v_erased_ids FROM merged AS m;
            DELETE e
            FROM JSON_TABLE(v_erased_ids, '$[*]' COLUMNS (
                id CHAR(16) COLLATE ascii_bin PATH '$'
            )) AS j
            STRAIGHT_JOIN contact_event AS e FORCE INDEX (by_contact)
               ON e.owner_id = in_owner AND e.contact_id = j.id AND e.rev < v_rev;
            DELETE p
            FROM JSON_TABLE(v_erased_ids, '$[*]' COLUMNS (
                id CHAR(16) COLLATE ascii_bin PATH '$'
            )) AS j
            STRAIGHT_JOIN contact_picture AS p ON p.owner_id = in_owner AND p.contact_id = j.id;
            UPDATE JSON_TABLE(v_erased_ids, '$[*]' COLUMNS (
                id CHAR(16) COLLATE ascii_bin PATH '$'
            )) AS j
            STRAIGHT_JOIN import_entry AS i FORCE INDEX (by_contact)
               ON i.owner_id = in_owner AND i.contact_id = j.id
            SET i.name = '', i.changes = NULL, i.contact_id = NULL;
        END IF;
    ELSEIF v_changed AND in_words IS NOT NULL AND v_state <=> v_old_state
           AND v_names_digest <=> v_old_names_digest THEN
        UPDATE contact_index
        SET word = JSON_VALUE(v_record, '$.updated_at')
        WHERE owner_id = in_owner AND contact_id = in_id AND kind = 'updated_at';
        IF JSON_LENGTH(in_words, '$.removed') > 0 THEN
            DELETE i
            FROM JSON_TABLE(in_words, '$.removed[*]' COLUMNS (
                word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
            )) AS j
            STRAIGHT_JOIN contact_index AS i FORCE INDEX (PRIMARY)
               ON i.owner_id = in_owner AND i.is_deleted = 0 AND i.kind = 'text' AND i.word = j.word
              AND i.contact_id = in_id;
        END IF;
        IF JSON_LENGTH(in_words, '$.added') > 0 THEN
            INSERT INTO contact_index (owner_id, is_deleted, kind, word, contact_id, name)
            SELECT in_owner, 0, 'text', j.word, in_id, v_name
            FROM JSON_TABLE(in_words, '$.added[*]' COLUMNS (
                word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
            )) AS j
            WHERE j.word <> ''
            ON DUPLICATE KEY UPDATE name = v_name;
        END IF;
    ELSEIF v_changed THEN
        -- the words of another state are other rows, and the record does not show all names: all words are
        -- written again
        SET v_keys = contact_keys(v_record, v_names, IF(
                v_state <=> v_old_state AND v_names_digest <=> v_old_names_digest, v_old_record, NULL
            )),
            v_kinds = REGEXP_REPLACE(JSON_EXTRACT(v_keys, '$[*].kind'), '[^a-z_,]', '');
        IF v_old_state IS NOT NULL THEN
            DELETE FROM contact_index
            WHERE owner_id = in_owner AND contact_id = in_id AND FIND_IN_SET(kind, v_kinds) > 0;
        END IF;
        -- The collation of the key treats ANNA, anna and Ánna as one word. Tags and sources are compared
        -- character by character, and stored as MD5
        -- contacts_render has the same statement for a set, which joins the records instead of variables
        INSERT INTO contact_index (owner_id, is_deleted, kind, word, contact_id, name)
        SELECT in_owner, IF(v_state = 'deleted', 1, 0), k.kind,
               CASE WHEN k.kind = 'text' THEN LEFT(k.word, 64)
                    WHEN k.kind IN ('tag', 'source') THEN MD5(k.word)
                    ELSE k.word END,
               in_id, v_name
        FROM JSON_TABLE(v_keys, '$[*]' COLUMNS (
            kind VARCHAR(16) COLLATE ascii_bin PATH '$.kind',
            NESTED PATH '$.words[*]' COLUMNS (word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$')
        )) AS k
        -- a text of characters that the collation ignores equals ''; it sorts its contact nevertheless
        WHERE k.word <> ''
           OR k.word IS NOT NULL AND k.kind IN ('display_name', 'company', 'company_desc')
        ON DUPLICATE KEY UPDATE name = v_name;
    END IF;
END$$
DELIMITER ;
