-- my_contacts_render: make the records of contacts again (the record in the reference of the REST API), with what finds
-- them; of those that differ from what they were the owner's revision grows, and an event is noted.
--
-- The last thing a routine does that has written contacts, or anything that hangs on them. The lock of the ledger puts the
-- changes of an owner in the order in which they are committed; nothing but records is locked after it. Reads without
-- locks are enough: whoever changes a contact at the same time touches it after us.
--
-- Params:   in_owner      whose address book
--           in_contacts   JSON array of 1,000 contacts at most, in the book, in the trash, or nowhere any more
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL my_contacts_render('00000000000000a1', '["0000000000000c01"]');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contacts_render(
    IN in_owner    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_contacts LONGTEXT
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_now DATETIME(3) DEFAULT UTC_TIMESTAMP(3);
    DECLARE v_seconds BIGINT DEFAULT UNIX_TIMESTAMP() - 2;
    DECLARE v_rev, v_new_rev, v_oldest BIGINT UNSIGNED;
    DECLARE v_active, v_deleted, v_still_active, v_still_deleted, v_purged, v_found INT UNSIGNED;
    DECLARE v_changed LONGTEXT;

    SELECT rev INTO v_rev FROM contact_ledger WHERE owner_id = in_owner FOR UPDATE;
    IF v_rev IS NULL THEN
        INSERT INTO contact_ledger (owner_id) VALUES (in_owner) ON DUPLICATE KEY UPDATE rev = rev;
        SELECT rev INTO v_rev FROM contact_ledger WHERE owner_id = in_owner FOR UPDATE;
    END IF;
    -- unlocked: whoever writes records of the owner holds the ledger
    SELECT COUNT(DISTINCT IF(r.state = 'active', r.contact_id, NULL)),
           COUNT(DISTINCT IF(r.state = 'deleted', r.contact_id, NULL)), COUNT(c.id)
    INTO v_active, v_deleted, v_found
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j
    LEFT JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = j.id
    LEFT JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.id AND c.box <> 'hidden';

    -- What is in the book. A label counts while it says the same as the category, which the RPC changes without
    -- knowing of labels. Seconds are all a contact knows; what is made this very moment gets milliseconds, and what is
    -- first seen long after it was written, by an upgrade, keeps its times. All that depends on the state and the digest that
    -- were there stands before them in the list of changes
    INSERT INTO contact_record (owner_id, contact_id, rev, created_rev, state, created_at, updated_at, digest, record)
    SELECT in_owner, c.id, v_rev + j.place, v_rev + j.place, 'active',
           IF(c.ctime > v_seconds, v_now, TIMESTAMPADD(SECOND, c.ctime, '1970-01-01')),
           IF(c.mtime > v_seconds, v_now, TIMESTAMPADD(SECOND, c.mtime, '1970-01-01')),
           '',
           JSON_OBJECT(
               'id', contact_uuid(c.id),
               'display_name', c.full_name,
               'first_name', c.firstname,
               'last_name', c.lastname,
               -- as CHAR, here and for numbers: what is aggregated as LONGTEXT goes through a table on disk
               'emails', JSON_COMPACT(CONCAT('[', COALESCE((
                   SELECT GROUP_CONCAT(CAST(JSON_OBJECT(
                       'address', e.email, 'label', label_of(e.label, e.category, 'personal'), 'primary', e.is_default = 1
                   ) AS CHAR(500)) ORDER BY e.position)
                   FROM contact_email AS e FORCE INDEX (by_contact)
                   WHERE e.owner_id = in_owner AND e.contact_id = c.id
               ), ''), ']')),
               'phones', JSON_COMPACT(CONCAT('[', COALESCE((
                   -- one that nobody made the default is not shown as such, but the first of several must be
                   SELECT GROUP_CONCAT(CAST(JSON_OBJECT(
                       'number', TRIM(CONCAT(p.areacode, ' ', p.phone)), 'label', label_of(p.label, p.category, 'mobile'),
                       'primary', p.is_default = 1 OR NOT EXISTS (
                           SELECT 1 FROM contact_phone AS b FORCE INDEX (by_contact)
                           WHERE b.owner_id = in_owner AND b.contact_id = p.contact_id
                             AND (b.is_default = 1 OR b.position < p.position)
                       )
                   ) AS CHAR(500)) ORDER BY p.position)
                   FROM contact_phone AS p FORCE INDEX (by_contact)
                   WHERE p.owner_id = in_owner AND p.contact_id = c.id
               ), ''), ']')),
               'company', c.company,
               'job_title', c.job_title,
               'addresses', JSON_COMPACT(COALESCE((
                   SELECT JSON_ARRAYAGG(JSON_OBJECT(
                       'street', NULLIF(a.street, ''), 'city', NULLIF(a.city, ''), 'state', NULLIF(a.state, ''),
                       'postal_code', NULLIF(a.postal_code, ''), 'country', NULLIF(a.country, ''),
                       'label', label_of(a.label, a.category, 'home')
                   ) ORDER BY a.position)
                   FROM contact_address AS a FORCE INDEX (by_contact)
                   WHERE a.owner_id = in_owner AND a.contact_id = c.id
               ), '[]')),
               'notes', NULLIF(c.comment, ''),
               'avatar_path', c.avatar_path,
               'tags', JSON_COMPACT(COALESCE((
                   SELECT JSON_ARRAYAGG(t.name ORDER BY t.name COLLATE utf8mb4_unicode_520_ci, t.name)
                   FROM map_tag AS m FORCE INDEX (by_entity)
                   STRAIGHT_JOIN tag AS t FORCE INDEX (PRIMARY) ON t.owner_id = in_owner AND t.tag_id = m.tag_id
                   WHERE m.owner_id = in_owner AND m.entity_id = c.id
               ), '[]')),
               'custom_fields', JSON_COMPACT(c.custom_fields),
               'source', COALESCE(c.origin, 'local'),
               'source_id', c.source_id,
               'created_at', NULL,
               'updated_at', NULL,
               'synced_at', iso_time(c.synced_at),
               'deleted_at', NULL,
               'archived', c.is_archived = 1,
               'groups', JSON_COMPACT(COALESCE((
                   SELECT JSON_ARRAYAGG(g.name ORDER BY g.name, g.id)
                   FROM contact_group_member AS m FORCE INDEX (by_contact)
                   STRAIGHT_JOIN contact_group AS g FORCE INDEX (PRIMARY) ON g.owner_id = in_owner AND g.id = m.group_id
                   WHERE m.owner_id = in_owner AND m.contact_id = c.id
               ), '[]'))
           )
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
        place FOR ORDINALITY,
        id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
    )) AS j
    STRAIGHT_JOIN contact AS c FORCE INDEX (PRIMARY) ON c.owner_id = in_owner AND c.id = j.id AND c.box <> 'hidden'
    ON DUPLICATE KEY UPDATE
        rev = IF(state = 'active' AND digest = UNHEX(MD5(JSON_COMPACT(VALUE(record)))), rev, VALUE(rev)),
        created_rev = IF(state = 'purged', VALUE(rev), created_rev),
        restored_rev = IF(state = 'deleted', VALUE(rev), restored_rev),
        updated_at = IF(rev > v_rev, GREATEST(v_now, created_at), updated_at),
        deleted_at = NULL,
        record = IF(rev > v_rev, VALUE(record), record),
        digest = IF(rev > v_rev, '', digest),
        state = 'active';

    -- what lies in the trash, or is away
    IF v_found < JSON_LENGTH(in_contacts) THEN
        -- unlocked: the same
        FOR g IN (
            SELECT r.contact_id, v_rev + j.place AS rev, IF(t.id IS NULL, 'purged', 'deleted') AS state,
                   JSON_COMPACT(COALESCE((
                       SELECT JSON_ARRAYAGG(k.name ORDER BY k.name COLLATE utf8mb4_unicode_520_ci, k.name)
                       FROM JSON_TABLE(t.book, '$.tag[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS b
                       JOIN tag AS k ON k.owner_id = in_owner AND k.tag_id = b.id
                   ), '[]')) AS tags,
                   JSON_COMPACT(COALESCE((
                       SELECT JSON_ARRAYAGG(k.name ORDER BY k.name, k.id)
                       FROM JSON_TABLE(t.book, '$.group[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS b
                       JOIN contact_group AS k ON k.owner_id = in_owner AND k.id = b.id
                   ), '[]')) AS groups
            FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (
                place FOR ORDINALITY,
                id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
            )) AS j
            STRAIGHT_JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = j.id
            LEFT JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.id AND c.box <> 'hidden'
            LEFT JOIN contact_trash AS t ON t.owner_id = in_owner AND t.id = j.id
            WHERE c.id IS NULL
        ) DO
            UPDATE contact_record
            SET rev = g.rev, updated_at = v_now, deleted_at = IF(state = g.state, deleted_at, v_now), state = g.state,
                record = IF(g.state = 'purged', JSON_OBJECT('id', contact_uuid(contact_id), 'permanent', TRUE),
                            JSON_SET(record, '$.tags', JSON_COMPACT(g.tags), '$.groups', JSON_COMPACT(g.groups)))
            WHERE owner_id = in_owner AND contact_id = g.contact_id
              AND (state <> g.state OR g.state = 'deleted' AND (
                JSON_COMPACT(JSON_EXTRACT(record, '$.tags')) <> g.tags OR JSON_COMPACT(JSON_EXTRACT(record, '$.groups')) <> g.groups
              ));
        END FOR;
    END IF;

    UPDATE contact_record
    SET digest = UNHEX(MD5(JSON_COMPACT(record))),
        record = JSON_SET(record, '$.created_at', iso_time(created_at), '$.updated_at', iso_time(updated_at),
                          '$.deleted_at', iso_time(deleted_at))
    WHERE owner_id = in_owner AND rev > v_rev AND state <> 'purged';
    -- unlocked: the same. What is stale gets its words again in any case: an upgrade may have others
    SELECT MAX(r.rev), COUNT(DISTINCT IF(r.state = 'active', r.contact_id, NULL)),
           COUNT(DISTINCT IF(r.state = 'deleted', r.contact_id, NULL)), SUM(r.state = 'purged' AND r.rev > v_rev),
           JSON_ARRAYAGG(IF(r.rev > v_rev OR s.contact_id IS NOT NULL, r.contact_id, NULL))
    INTO v_new_rev, v_still_active, v_still_deleted, v_purged, v_changed
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j
    STRAIGHT_JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = j.id
    LEFT JOIN contact_stale AS s ON s.owner_id = in_owner AND s.contact_id = j.id;

    DELETE i
    FROM JSON_TABLE(v_changed, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j
    STRAIGHT_JOIN contact_index AS i ON i.owner_id = in_owner AND i.contact_id = j.id;
    -- The collation of the key makes one of ANNA, anna and Ánna. Words are searched by their start: one that another word of
    -- the contact starts with is found by that. Tags and sources are compared character by character, and stand there as MD5
    INSERT INTO contact_index (owner_id, is_deleted, kind, word, contact_id, name)
    SELECT in_owner, w.is_deleted, w.kind, w.word, w.contact_id, w.name
    FROM (
        SELECT IF(r.state = 'deleted', 1, 0) AS is_deleted, k.kind,
               CASE WHEN k.kind = 'text' THEN LEFT(k.word, 64) WHEN k.kind IN ('tag', 'source') THEN MD5(k.word) ELSE k.word END AS word,
               r.contact_id, LEFT(JSON_VALUE(r.record, '$.display_name'), 64) AS name,
               LEAD(k.word) OVER (PARTITION BY r.contact_id, k.kind ORDER BY k.word) AS next_word
        FROM JSON_TABLE(v_changed, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j
        STRAIGHT_JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = j.id AND r.state <> 'purged'
        STRAIGHT_JOIN JSON_TABLE(record_keys(r.record), '$[*]' COLUMNS (
            kind VARCHAR(16) CHARACTER SET ascii PATH '$.kind',
            NESTED PATH '$.words[*]' COLUMNS (word VARCHAR(255) PATH '$')
        )) AS k
        WHERE k.word <> '' OR k.kind = 'company_desc'
    ) AS w
    WHERE w.kind <> 'text' OR w.next_word IS NULL OR w.next_word > CONCAT(w.word, _utf8mb4 x'F48FBFBF')
    ON DUPLICATE KEY UPDATE contact_id = w.contact_id;

    IF v_new_rev > v_rev THEN
        SET v_oldest = IF(v_new_rev > 1000, v_new_rev - 1000, 0);
        INSERT INTO contact_event (owner_id, rev, contact_id, event)
        SELECT owner_id, rev, contact_id,
               CASE WHEN state <> 'active' THEN state WHEN created_rev = rev THEN 'created'
                    WHEN restored_rev = rev THEN 'restored' ELSE 'updated' END
        FROM contact_record FORCE INDEX (by_rev)
        WHERE owner_id = in_owner AND rev > v_rev;
        DELETE FROM contact_event WHERE owner_id = in_owner AND rev <= v_oldest;
        UPDATE contact_ledger
        SET rev = v_new_rev, event_rev = GREATEST(event_rev, v_oldest),
            active = active + v_still_active - v_active, deleted = deleted + v_still_deleted - v_deleted
        WHERE owner_id = in_owner;
    END IF;
    IF v_purged > 0 THEN
        DELETE p
        FROM JSON_TABLE(v_changed, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j
        STRAIGHT_JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = j.id AND r.state = 'purged'
        STRAIGHT_JOIN contact_picture AS p ON p.owner_id = in_owner AND p.contact_id = j.id;
        CALL my_contact_forget(in_owner, 90);
    END IF;
    DELETE s
    FROM JSON_TABLE(in_contacts, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j
    STRAIGHT_JOIN contact_stale AS s ON s.owner_id = in_owner AND s.contact_id = j.id;
END$$
DELIMITER ;
