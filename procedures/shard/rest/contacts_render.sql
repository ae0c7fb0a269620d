-- contacts_render: render a set of contacts (contact_render_parts), in a few statements for all of them. More
-- than 1,000 are marked as stale and rendered soon (contact_catch_up).
--
-- A routine that writes several contacts or their entries calls this last. Stale contacts get their words
-- again even if the record is unchanged, because an upgrade may find other words.
--
-- Params:   in_owner      owner of the address book
--           in_contacts   JSON array of contacts, in the address book, in the trash, or deleted
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contacts_render('00000000000000a1', '["0000000000000c01"]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contacts_render(
    IN in_owner    CHAR(16) COLLATE ascii_bin,
    IN in_contacts LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now DATETIME(3) DEFAULT UTC_TIMESTAMP(3);
    DECLARE v_seconds BIGINT DEFAULT UNIX_TIMESTAMP() - 2;
    DECLARE v_rev, v_new_rev BIGINT UNSIGNED;
    DECLARE v_active, v_deleted, v_still_active, v_still_deleted, v_purged, v_listed INT UNSIGNED;
    DECLARE v_changed, v_erased_ids, v_groups LONGTEXT;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    IF JSON_LENGTH(in_contacts) > 1000 THEN
        INSERT INTO contact_stale (owner_id, contact_id)
        SELECT in_owner, j.id
        FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
            id CHAR(16) COLLATE ascii_bin PATH '$'
        )) AS j
        ON DUPLICATE KEY UPDATE contact_id = j.id;
        SET in_contacts = '[]';
    END IF;

    SELECT rev INTO v_rev FROM contact_ledger WHERE owner_id = in_owner FOR UPDATE;
    IF v_rev IS NULL THEN
        INSERT INTO contact_ledger (owner_id) VALUES (in_owner) ON DUPLICATE KEY UPDATE rev = rev;
        SELECT rev INTO v_rev FROM contact_ledger WHERE owner_id = in_owner FOR UPDATE;
    END IF;
    -- unlocked: every routine that writes records of the owner holds the lock of the ledger
    SELECT COUNT(DISTINCT IF(r.state = 'active', r.contact_id, NULL)),
           COUNT(DISTINCT IF(r.state = 'deleted', r.contact_id, NULL)), COUNT(c.id)
    INTO v_active, v_deleted, v_listed
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id CHAR(16) COLLATE ascii_bin PATH '$'
    )) AS j
    LEFT JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = j.id
    LEFT JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.id AND c.box <> 'hidden';

    -- groups whose cards list other contacts now, see contact_render_parts
    -- unlocked: every routine that writes records of the owner holds the lock of the ledger
    SELECT JSON_ARRAYAGG(DISTINCT g.name) INTO v_groups
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id CHAR(16) COLLATE ascii_bin PATH '$'
    )) AS j
    STRAIGHT_JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = j.id
    LEFT JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.id AND c.box = 'active'
    STRAIGHT_JOIN JSON_TABLE(r.record, '$.groups[*]' COLUMNS (
        name VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
    )) AS g
    WHERE (r.state = 'active' AND JSON_VALUE(r.record, '$.archived') = 0) <> (c.id IS NOT NULL);

    -- the states before, while the records still have them; below, those of unchanged records are deleted
    INSERT INTO contact_event (owner_id, rev, contact_id, event, at, writer, before_record, before_private)
    SELECT in_owner, v_rev + j.place, j.id,
           CASE WHEN c.id IS NULL THEN 'purged'
                WHEN c.box = 'trash' THEN 'deleted'
                WHEN COALESCE(r.state, 'purged') = 'purged' THEN 'created'
                WHEN r.state = 'deleted' THEN 'restored'
                ELSE 'updated' END,
           UNIX_TIMESTAMP(), CONNECTION_ID(),
           IF(c.id IS NOT NULL AND r.state <> 'purged', r.record, NULL),
           IF(c.id IS NOT NULL AND r.state <> 'purged', r.private, NULL)
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        place FOR ORDINALITY,
        id    CHAR(16) COLLATE ascii_bin PATH '$'
    )) AS j
    LEFT JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = j.id
    LEFT JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.id AND c.box <> 'hidden';
    -- A contact knows whole seconds only; one that is written at this moment gets milliseconds, and an old
    -- one that an upgrade renders first keeps its times. MariaDB assigns from left to right: columns that
    -- depend on the old state and digest come before these
    INSERT INTO contact_record (owner_id, contact_id, rev, created_rev, state, created_at, updated_at,
                                deleted_at, digest, names_digest, private, record, rpc_card, rpc_full)
    SELECT in_owner, s.id, v_rev + j.place, v_rev + j.place, s.state,
           IF(s.ctime > v_seconds, v_now, TIMESTAMPADD(SECOND, s.ctime, '1970-01-01')),
           IF(s.mtime > v_seconds, v_now, TIMESTAMPADD(SECOND, s.mtime, '1970-01-01')),
           IF(s.state = 'deleted', v_now, NULL), '', UNHEX(MD5(s.names)), s.private, s.record,
           d.rpc_card, d.rpc_full
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        place FOR ORDINALITY,
        id    CHAR(16) COLLATE ascii_bin PATH '$'
    )) AS j
    STRAIGHT_JOIN contact_sheet AS s ON s.owner_id = in_owner AND s.id = j.id
    LEFT JOIN contact_document AS d ON d.owner_id = in_owner AND d.id = j.id
    LEFT JOIN contact_stale AS k ON k.owner_id = in_owner AND k.contact_id = j.id
    ON DUPLICATE KEY UPDATE
        card_rev = COALESCE(card_rev, rev),
        card_at = COALESCE(card_at, updated_at),
        rev = IF(contact_record.state = VALUE(state)
                 AND contact_record.digest = UNHEX(MD5(JSON_COMPACT(VALUE(record)))),
                 contact_record.rev, VALUE(rev)),
        created_rev = IF(contact_record.state = 'purged', VALUE(rev), created_rev),
        restored_rev = IF(contact_record.state = 'deleted' AND VALUE(state) = 'active',
                          VALUE(rev), restored_rev),
        updated_at = IF(contact_record.rev > v_rev, GREATEST(v_now, created_at), updated_at),
        deleted_at = CASE WHEN VALUE(state) = 'active' THEN NULL
                          WHEN contact_record.state = 'deleted' THEN deleted_at
                          ELSE v_now END,
        record = IF(contact_record.rev > v_rev, VALUE(record), contact_record.record),
        digest = IF(contact_record.rev > v_rev, '', digest),
        -- of the words, which stale contacts get again
        names_digest = IF(contact_record.rev > v_rev OR k.contact_id IS NOT NULL,
                          VALUE(names_digest), contact_record.names_digest),
        merged_into = NULL,
        private = VALUE(private),
        rpc_card = VALUE(rpc_card),
        rpc_full = VALUE(rpc_full),
        state = VALUE(state);

    IF v_listed < JSON_LENGTH(in_contacts) THEN
        UPDATE JSON_TABLE(in_contacts, '$[*]' COLUMNS (
            place FOR ORDINALITY,
            id    CHAR(16) COLLATE ascii_bin PATH '$'
        )) AS j
        JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = j.id
        LEFT JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.id AND c.box <> 'hidden'
        SET r.rev = v_rev + j.place, r.state = 'purged', r.updated_at = v_now, r.deleted_at = v_now,
            r.private = NULL, r.rpc_card = NULL, r.rpc_full = NULL,
            r.record = JSON_OBJECT('id', JSON_VALUE(r.record, '$.id'), 'permanent', TRUE)
        WHERE c.id IS NULL AND r.state <> 'purged';
    END IF;

    -- a card does not show the groups of its contact: it keeps its tag and its time
    UPDATE contact_record AS r
    STRAIGHT_JOIN contact_event AS e ON e.owner_id = in_owner AND e.rev = r.rev
    SET r.card_rev = NULL, r.card_at = NULL
    WHERE r.owner_id = in_owner AND r.rev > v_rev AND r.card_rev IS NOT NULL
      AND NOT COALESCE(
          e.event = 'updated'
          AND JSON_EXTRACT(r.record, '$.groups') <> JSON_EXTRACT(e.before_record, '$.groups')
          AND MD5(JSON_COMPACT(JSON_REMOVE(r.record, '$.groups', '$.created_at', '$.updated_at',
                                           '$.deleted_at')))
              = MD5(JSON_COMPACT(JSON_REMOVE(e.before_record, '$.groups', '$.created_at', '$.updated_at',
                                             '$.deleted_at'))), 0);
    UPDATE contact_record
    SET digest = UNHEX(MD5(JSON_COMPACT(record))),
        record = JSON_SET(record, '$.created_at', CONCAT(REPLACE(created_at, ' ', 'T'), 'Z'),
                          '$.updated_at', CONCAT(REPLACE(updated_at, ' ', 'T'), 'Z'),
                          '$.deleted_at', CONCAT(REPLACE(deleted_at, ' ', 'T'), 'Z'))
    WHERE owner_id = in_owner AND rev > v_rev AND state <> 'purged';
    -- unlocked: the ledger is locked
    SELECT MAX(r.rev), COUNT(DISTINCT IF(r.state = 'active', r.contact_id, NULL)),
           COUNT(DISTINCT IF(r.state = 'deleted', r.contact_id, NULL)), SUM(r.state = 'purged'
               AND r.rev > v_rev),
           JSON_ARRAYAGG(IF(r.rev > v_rev OR s.contact_id IS NOT NULL, r.contact_id, NULL))
    INTO v_new_rev, v_still_active, v_still_deleted, v_purged, v_changed
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id CHAR(16) COLLATE ascii_bin PATH '$'
    )) AS j
    STRAIGHT_JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = j.id
    LEFT JOIN contact_stale AS s ON s.owner_id = in_owner AND s.contact_id = j.id;

    DELETE i
    FROM JSON_TABLE(v_changed, '$[*]' COLUMNS (
        id CHAR(16) COLLATE ascii_bin PATH '$'
    )) AS j
    STRAIGHT_JOIN contact_index AS i FORCE INDEX (by_contact)
       ON i.owner_id = in_owner AND i.contact_id = j.id;
    -- Repeats contact_render_parts, which has one record in variables, for the joined records of a set
    INSERT INTO contact_index (owner_id, is_deleted, kind, word, contact_id, name)
    SELECT in_owner, IF(r.state = 'deleted', 1, 0), k.kind,
           CASE WHEN k.kind = 'text' THEN LEFT(k.word, 64)
                WHEN k.kind IN ('tag', 'source') THEN MD5(k.word)
                ELSE k.word END,
           r.contact_id, LEFT(s.full_name, 64)
    FROM JSON_TABLE(v_changed, '$[*]' COLUMNS (
        id CHAR(16) COLLATE ascii_bin PATH '$'
    )) AS j
    STRAIGHT_JOIN contact_record AS r
       ON r.owner_id = in_owner AND r.contact_id = j.id AND r.state <> 'purged'
    STRAIGHT_JOIN contact_sheet AS s ON s.owner_id = in_owner AND s.id = j.id
    STRAIGHT_JOIN JSON_TABLE(contact_keys(r.record, s.names, NULL), '$[*]' COLUMNS (
        kind VARCHAR(16) COLLATE ascii_bin PATH '$.kind',
        NESTED PATH '$.words[*]' COLUMNS (word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$')
    )) AS k
    WHERE k.word <> ''
       OR k.word IS NOT NULL AND k.kind IN ('display_name', 'company', 'company_desc')
    -- in the order of the key: neighbours are on the same pages
    ORDER BY k.kind, k.word
    ON DUPLICATE KEY UPDATE contact_id = r.contact_id;

    DELETE e
    FROM contact_event AS e FORCE INDEX (PRIMARY)
    LEFT JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = e.contact_id AND r.rev = e.rev
    WHERE e.owner_id = in_owner AND e.rev > v_rev AND r.contact_id IS NULL;
    IF v_new_rev > v_rev THEN
        UPDATE contact_ledger
        SET rev = v_new_rev,
            active = active + v_still_active - v_active, deleted = deleted + v_still_deleted - v_deleted
        WHERE owner_id = in_owner;
    END IF;
    UPDATE JSON_TABLE(v_groups, '$[*]' COLUMNS (
        name VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
    )) AS j
    STRAIGHT_JOIN contact_group AS g FORCE INDEX (by_name) ON g.owner_id = in_owner AND g.name = j.name
    SET g.rev = 0;
    IF v_purged > 0 THEN
        -- Contacts merged into those that this call deletes are erased as well, other merged ones stay
        -- unlocked: the ledger is locked
        WITH RECURSIVE merged AS (
            SELECT r.contact_id
            FROM JSON_TABLE(v_changed, '$[*]' COLUMNS (
                id CHAR(16) COLLATE ascii_bin PATH '$'
            )) AS j
            STRAIGHT_JOIN contact_record AS r
               ON r.owner_id = in_owner AND r.contact_id = j.id AND r.state = 'purged' AND r.rev > v_rev
            UNION
            -- Repeats contact_render_parts, which begins with one contact; its callers reach as many routines
            -- as they may
            SELECT r.contact_id
            FROM merged AS m
            JOIN contact_record AS r FORCE INDEX (by_state)
              ON r.owner_id = in_owner AND r.state = 'purged' AND r.merged_into = m.contact_id
        )
        SELECT JSON_ARRAYAGG(m.contact_id) INTO v_erased_ids FROM merged AS m;
        DELETE p
        FROM JSON_TABLE(v_erased_ids, '$[*]' COLUMNS (
            id CHAR(16) COLLATE ascii_bin PATH '$'
        )) AS j
        STRAIGHT_JOIN contact_picture AS p ON p.owner_id = in_owner AND p.contact_id = j.id;
        UPDATE JSON_TABLE(v_changed, '$[*]' COLUMNS (
            id CHAR(16) COLLATE ascii_bin PATH '$'
        )) AS j
        STRAIGHT_JOIN contact_record AS r
           ON r.owner_id = in_owner AND r.contact_id = j.id AND r.state = 'purged'
        STRAIGHT_JOIN contact_vcard AS v ON v.owner_id = in_owner AND v.contact_id = j.id
        SET v.rev = r.rev, v.uid = NULL, v.card = NULL, v.sent = NULL;
        DELETE e
        FROM JSON_TABLE(v_erased_ids, '$[*]' COLUMNS (
            id CHAR(16) COLLATE ascii_bin PATH '$'
        )) AS j
        STRAIGHT_JOIN contact_event AS e FORCE INDEX (by_contact)
           ON e.owner_id = in_owner AND e.contact_id = j.id AND e.rev <= v_rev;
        -- Repeats contact_render_parts, which reaches as many routines as it may
        UPDATE JSON_TABLE(v_erased_ids, '$[*]' COLUMNS (
            id CHAR(16) COLLATE ascii_bin PATH '$'
        )) AS j
        STRAIGHT_JOIN import_entry AS i FORCE INDEX (by_contact)
           ON i.owner_id = in_owner AND i.contact_id = j.id
        SET i.name = '', i.changes = NULL, i.contact_id = NULL;
    END IF;
    DELETE s
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        id CHAR(16) COLLATE ascii_bin PATH '$'
    )) AS j
    STRAIGHT_JOIN contact_stale AS s ON s.owner_id = in_owner AND s.contact_id = j.id;
END$$
DELIMITER ;
