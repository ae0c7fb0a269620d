-- contact_search_live: list a page of contacts, and of colleagues in a paid domain, by the starts of their
-- words, whatever is asked for (contact_search).
--
-- Contacts are found as in the REST API (record_conditions). A rare word is read from the index of words and
-- then sorted. A frequent one is read in the order of names, up to the end of the page: from the index of
-- the first three letters, which knows no nicknames, and from that of nicknames. For one or two letters, in
-- the archive, and while contacts wait to be stored again, all names are read, with a lookup for each. Cards
-- are sent as they are stored; those of users, those that are not stored, and all of an owner who has blocked
-- somebody or whose contacts wait are made now (as in my_contact_list).
--
-- Callers:  contact_search
-- Params:   in_owner     owner of the address book
--           in_key       search text; '' for all
--           in_status    '' any, own (any, and no colleagues), active, paper (any but
--                        active), archived, or a contact status
--           in_drumate   1: registered users only
--           in_filter    JSON array of addresses to leave out
--           in_id        contact: rows carry the contact id; entity: the uid, else the address
--           in_page      1 is the first
--           in_size      rows a page
-- Returns:  rows         data  JSON: contact_card, or a colleague (type colleague, status mate); and page
-- Errors:   none
-- Example:  CALL contact_search_live('00000000000000a1', 'ada', '', 0, '[]', 'contact', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_search_live(
    IN in_owner   CHAR(16) COLLATE ascii_bin,
    IN in_key     VARCHAR(255),
    IN in_status  VARCHAR(16) COLLATE ascii_bin,
    IN in_drumate TINYINT,
    IN in_filter  LONGTEXT,
    IN in_id      VARCHAR(8) COLLATE ascii_bin,
    IN in_page    INT UNSIGNED,
    IN in_size    INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_skip BIGINT UNSIGNED DEFAULT (in_page - 1) * in_size;
    DECLARE v_reach BIGINT UNSIGNED DEFAULT in_page * in_size;
    -- the contacts that are read for the page: all up to its end when they are merged with colleagues
    DECLARE v_first, v_take BIGINT UNSIGNED;
    DECLARE v_box VARCHAR(16) DEFAULT IF(in_status = 'archived', 'archived', 'active');
    DECLARE v_status VARCHAR(16) DEFAULT IF(in_status IN ('', 'own', 'paper', 'archived'), NULL, in_status);
    -- whether the index of names answers all conditions but the words
    DECLARE v_is_plain TINYINT DEFAULT v_status IS NULL AND in_status <> 'paper' AND in_drumate = 0
                                       AND in_filter = '[]';
    DECLARE v_page VARCHAR(32) DEFAULT CONCAT(', "page": ', in_page + 0, '}');
    DECLARE v_conditions LONGTEXT;
    DECLARE v_word_count INT UNSIGNED DEFAULT 1;
    DECLARE v_book_size, v_most_hits, v_hit_count BIGINT UNSIGNED DEFAULT 0;
    DECLARE v_low VARCHAR(64);
    DECLARE v_high VARCHAR(255);
    DECLARE v_longest VARCHAR(520);
    DECLARE v_contact_ids LONGTEXT;
    DECLARE v_domain INT UNSIGNED;
    DECLARE v_is_live, v_is_stale, v_has_colleagues, v_has_live_cards TINYINT;
    -- weights of the first three letters; NULL where the index of these cannot be used
    DECLARE v_start VARBINARY(6);

    SELECT d.domain_id, COALESCE(l.active, 0), b.contact_id IS NOT NULL OR s.contact_id IS NOT NULL,
           s.contact_id IS NOT NULL
    INTO v_domain, v_book_size, v_is_live, v_is_stale
    FROM yp.drumate AS d
    LEFT JOIN contact_ledger AS l ON l.owner_id = in_owner
    LEFT JOIN yp.contact_block AS b ON b.owner_id = in_owner
    LEFT JOIN contact_stale AS s ON s.owner_id = in_owner
    WHERE d.id = in_owner
    LIMIT 1;
    SET v_has_colleagues = v_domain > 1 AND in_status IN ('', 'paper'),
        v_first = IF(v_has_colleagues, 0, v_skip),
        v_take = IF(v_has_colleagues, v_reach, in_size);

    IF in_key RLIKE '^[A-Za-z][0-9A-Za-z]{0,63}$' THEN
        -- what record_conditions makes of one word of letters
        SET v_low = in_key;
    ELSE
        SET v_conditions = record_conditions(JSON_OBJECT('search', in_key));
        SELECT COUNT(*),
               SUBSTRING_INDEX(GROUP_CONCAT(w.low ORDER BY CHAR_LENGTH(w.low) DESC SEPARATOR ' '), ' ', 1)
        INTO v_word_count, v_low
        FROM JSON_TABLE(v_conditions, '$[*]' COLUMNS (
            low VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.low'
        )) AS w;
    END IF;
    SET v_high = prefix_end(v_low);

    IF v_word_count > 0 THEN
        -- archived contacts are few: their names are read
        SET v_start = IF(v_is_stale OR v_box = 'archived', NULL, LEFT(WEIGHT_STRING(v_low), 6)),
            v_start = IF(LENGTH(v_start) = 6, v_start, NULL),
            -- beyond that, to sort all hits costs more than to read names until the page is full:
            -- microseconds are 1.2 a hit and 5.5 a name, and a contact has three hits
            v_most_hits = IF(v_start IS NULL, SQRT(14 * v_reach * v_book_size) + 100, 400);
        SELECT COUNT(*) INTO v_hit_count
        FROM (
            SELECT 1 FROM contact_index
            WHERE owner_id = in_owner AND is_deleted = 0 AND kind = 'text' AND word BETWEEN v_low AND v_high
            LIMIT v_most_hits
        ) AS first_hits;
    END IF;

    IF v_word_count = 0 AND in_key <> '' THEN
        -- a text without letters and digits matches nothing
        SET v_contact_ids = NULL;
    ELSEIF v_word_count > 0 AND v_hit_count < v_most_hits THEN
        SELECT JSON_ARRAYAGG(f.id), MAX(f.peer_id IS NOT NULL OR r.rpc_card IS NULL)
        INTO v_contact_ids, v_has_live_cards
        FROM (
            SELECT c.id, c.peer_id
            FROM (
                SELECT DISTINCT contact_id FROM contact_index
                WHERE owner_id = in_owner AND is_deleted = 0 AND kind = 'text'
                  AND word BETWEEN v_low AND v_high
            ) AS hits
            STRAIGHT_JOIN contact AS c ON c.owner_id = in_owner AND c.id = hits.contact_id
            WHERE c.box = v_box
              AND (v_status IS NULL OR c.status = v_status)
              AND (in_status <> 'paper' OR c.status <> 'active')
              AND (in_drumate = 0 OR c.peer_id IS NOT NULL)
              AND (in_filter = '[]' OR NOT JSON_CONTAINS(in_filter, JSON_QUOTE(COALESCE(c.email, c.entity))))
              AND (v_word_count = 1 OR contact_meets(in_owner, c.id, v_conditions))
            ORDER BY c.display, c.id
            LIMIT v_first, v_take
        ) AS f
        LEFT JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = f.id;
    ELSEIF v_start IS NOT NULL THEN
        SELECT JSON_ARRAYAGG(f.id), MAX(f.peer_id IS NOT NULL OR r.rpc_card IS NULL)
        INTO v_contact_ids, v_has_live_cards
        FROM (
            (SELECT c.id, c.peer_id, i.name
             FROM contact_index AS i FORCE INDEX (by_start)
             STRAIGHT_JOIN contact AS c ON c.owner_id = in_owner AND c.id = i.contact_id
             WHERE i.owner_id = in_owner AND i.is_deleted = 0 AND i.start = v_start
               AND i.word BETWEEN v_low AND v_high
               AND c.box = v_box AND COALESCE(c.surname, '') = ''
               -- Repeats the conditions above, which a table in between would evaluate for all hits
               AND (v_status IS NULL OR c.status = v_status)
               AND (in_status <> 'paper' OR c.status <> 'active')
               AND (in_drumate = 0 OR c.peer_id IS NOT NULL)
               AND (in_filter = '[]' OR NOT JSON_CONTAINS(in_filter, JSON_QUOTE(COALESCE(c.email, c.entity))))
               AND (v_word_count = 1 OR contact_meets(in_owner, c.id, v_conditions))
             GROUP BY i.name, i.contact_id
             ORDER BY i.name, i.contact_id
             LIMIT v_reach)
            UNION ALL
            (SELECT c.id, c.peer_id, c.surname
             FROM contact AS c FORCE INDEX (by_nickname)
             WHERE c.owner_id = in_owner AND c.surname > '' AND c.box = v_box
               AND (
                SELECT 1
                FROM contact_index AS t FORCE INDEX (by_contact)
                WHERE t.owner_id = in_owner AND t.contact_id = c.id
                  AND t.kind = 'text' AND t.word BETWEEN v_low AND v_high
                LIMIT 1
               ) = 1
               -- Repeats the conditions above, for those with nicknames
               AND (v_status IS NULL OR c.status = v_status)
               AND (in_status <> 'paper' OR c.status <> 'active')
               AND (in_drumate = 0 OR c.peer_id IS NOT NULL)
               AND (in_filter = '[]' OR NOT JSON_CONTAINS(in_filter, JSON_QUOTE(COALESCE(c.email, c.entity))))
               AND (v_word_count = 1 OR contact_meets(in_owner, c.id, v_conditions))
             ORDER BY c.surname, c.id
             LIMIT v_reach)
            ORDER BY name, id
            LIMIT v_first, v_take
        ) AS f
        LEFT JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = f.id;
    ELSE
        SELECT JSON_ARRAYAGG(f.id), MAX(f.peer_id IS NOT NULL OR r.rpc_card IS NULL)
        INTO v_contact_ids, v_has_live_cards
        FROM (
            SELECT n.id, n.peer_id
            FROM contact AS n FORCE INDEX (by_name)
            WHERE n.owner_id = in_owner
              AND n.box = v_box
              -- no EXISTS here: the optimizer turns it into IN, and first collects all words with this start
              AND (v_word_count = 0 OR (
                SELECT 1
                FROM contact_index AS t FORCE INDEX (by_contact)
                WHERE t.owner_id = in_owner AND t.contact_id = n.id
                  AND t.kind = 'text' AND t.word BETWEEN v_low AND v_high
                LIMIT 1
              ) = 1)
              AND (v_word_count < 2 OR contact_meets(in_owner, n.id, v_conditions))
              AND (v_is_plain OR (
                SELECT 1
                FROM contact AS c
                WHERE c.owner_id = in_owner AND c.id = n.id
                  AND (v_status IS NULL OR c.status = v_status)
                  AND (in_status <> 'paper' OR c.status <> 'active')
                  AND (in_drumate = 0 OR c.peer_id IS NOT NULL)
                  AND NOT JSON_CONTAINS(in_filter, JSON_QUOTE(COALESCE(c.email, c.entity)))
              ) = 1)
            ORDER BY n.display, n.id
            LIMIT v_first, v_take
        ) AS f
        LEFT JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = f.id;
    END IF;

    IF v_has_colleagues THEN
        SET v_longest = CONCAT(like_escape(v_low), '%');
        WITH matches AS (
            SELECT 1 AS is_contact, c.id, c.display
            FROM JSON_TABLE(COALESCE(v_contact_ids, '[]'), '$[*]' COLUMNS (
                id CHAR(16) COLLATE ascii_bin PATH '$'
            )) AS m
            STRAIGHT_JOIN contact AS c ON c.owner_id = in_owner AND c.id = m.id
            UNION ALL
            (
                SELECT 0, d.id, d.fullname
                FROM yp.drumate AS d
                WHERE d.domain_id = v_domain
                  AND d.id <> in_owner
                  AND (in_key = '' OR d.firstname LIKE v_longest OR d.lastname LIKE v_longest
                       OR d.email LIKE v_longest
                       OR REGEXP_REPLACE(d.firstname, '[^\\p{L}\\p{M}]+', '') LIKE v_longest
                       OR REGEXP_REPLACE(d.lastname, '[^\\p{L}\\p{M}]+', '') LIKE v_longest
                       -- other letters than ASCII, as the words of contacts have them
                       OR LENGTH(d.fullname) > CHAR_LENGTH(d.fullname) AND EXISTS (
                        SELECT 1
                        FROM JSON_TABLE(text_words(d.fullname, 'both'), '$[*]' COLUMNS (
                            word VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$'
                        )) AS w
                        WHERE w.word BETWEEN v_low AND v_high
                       ))
                  AND NOT JSON_CONTAINS(in_filter, JSON_QUOTE(d.email))
                  AND NOT EXISTS (SELECT 1 FROM contact AS k WHERE k.owner_id = in_owner AND k.peer_id = d.id)
                ORDER BY d.fullname, d.id
                LIMIT v_reach
            )
        ),
        page AS (SELECT is_contact, id, display FROM matches ORDER BY display, id LIMIT v_skip, in_size)
        SELECT IF(p.is_contact,
            JSON_SET(k.data, '$.page', in_page + 0,
                     '$.id', IF(in_id = 'contact', k.id, COALESCE(JSON_VALUE(k.data, '$.entity'), k.id))),
            JSON_OBJECT(
                'page', in_page + 0, 'id', d.id, 'is_mycontact', 1,
                'type', 'colleague', 'entity', d.id, 'uid', d.id, 'firstname', d.firstname,
                'lastname', d.lastname, 'fullname', d.fullname, 'surname', d.fullname,
                'given_surname', NULL, 'status', 'mate', 'email', d.email, 'comment', '',
                'category', 'drumate', 'ctime', d.ctime, 'mtime', d.mtime, 'ident', d.username,
                'username', d.username, 'is_drumate', 1, 'is_same_domain', 1, 'is_need_email', 0,
                'is_archived', 0, 'is_blocked', 0, 'is_blocked_me', 0,
                'online', IF(EXISTS (SELECT 1 FROM yp.socket AS s
                                     WHERE s.uid = d.id AND s.state <> 'idle'), 1, 0)
            )) AS data
        FROM page AS p
        LEFT JOIN contact_card AS k ON p.is_contact = 1 AND k.owner_id = in_owner AND k.id = p.id
        LEFT JOIN yp.drumate AS d ON p.is_contact = 0 AND d.id = p.id
        ORDER BY p.display, p.id;
    ELSEIF v_is_live OR v_has_live_cards THEN
        -- in the order of the page, because each row is joined by itself (join_cache_level)
        SELECT COALESCE(
                   IF(v_is_live OR c.peer_id IS NOT NULL, NULL,
                      IF(in_id = 'contact', CONCAT(r.rpc_card, v_page),
                         CONCAT('{"id": ', JSON_QUOTE(c.entity), SUBSTR(r.rpc_card, 26), v_page))),
                   (
                       SELECT JSON_SET(k.data, '$.page', in_page + 0,
                                       '$.id', IF(in_id = 'contact', k.id, JSON_VALUE(k.data, '$.entity')))
                       FROM contact_card AS k
                       WHERE k.owner_id = in_owner AND k.id = c.id
                   )
               ) AS data
        FROM JSON_TABLE(v_contact_ids, '$[*]' COLUMNS (
            id CHAR(16) COLLATE ascii_bin PATH '$'
        )) AS j
        STRAIGHT_JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.id
        LEFT JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = j.id;
    ELSE
        -- the subquery above costs a statement 240 microseconds, also where it is not evaluated
        SELECT IF(in_id = 'contact', CONCAT(r.rpc_card, v_page),
                  CONCAT('{"id": ', JSON_QUOTE(c.entity), SUBSTR(r.rpc_card, 26), v_page)) AS data
        FROM JSON_TABLE(COALESCE(v_contact_ids, '[]'), '$[*]' COLUMNS (
            id CHAR(16) COLLATE ascii_bin PATH '$'
        )) AS j
        STRAIGHT_JOIN contact AS c ON c.owner_id = in_owner AND c.id = j.id
        STRAIGHT_JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = j.id;
    END IF;
END$$
DELIMITER ;
