-- contact_records_by_filter: list a page of the contacts that meet conditions, that lie in two lists, or that
-- are far back, and their total number (my_contact_records).
--
-- Every filter is a condition on the index of records: the start of a word, a tag, a source, any part of a
-- company. A page is found in one of three ways. Without a condition, or with up to three that many
-- contacts meet, the index is read in the wanted order until the page is full, with a lookup for each
-- condition. The contacts that meet one rarer condition are sorted by the names in the index. With several
-- conditions, the contacts that meet the rarest one are checked for the others, and sorted. So a page costs
-- as much as its rarest condition finds, whatever the size of the address book. Only the total of frequent
-- conditions has to be counted, unless the caller sends the total of the same revision. A caller who also
-- sends where an earlier page ended gets the next ones from there, however far back they are; a jump skips
-- entries of the index.
--
-- Callers:  my_contact_records
-- Params:   in_owner    owner of the address book
--           in_query    JSON with any of search, tag (array of names), company (a part of it), source,
--                       deleted (no, also or only), sort (display_name, company, created_at or
--                       updated_at), order (asc or desc); known: rev and total of an earlier page
--                       with the same filters, or null; known_floor: the same of a total that was a floor;
--                       after: rev, offset and contact (id) at which an
--                       earlier page of the same list ended, or null; floor: 1 for a total that is
--                       counted up to 1,000 only
--           in_limit    rows at most
--           in_offset   rows to skip
-- Returns:  rows        data  JSON, the record; rev
--           one row     total: number of contacts without limit and offset; with known: rev of the ledger;
--                       with floor: is_floor, 1 where more contacts than the total may match
-- Errors:   none
-- Example:  CALL contact_records_by_filter('00000000000000a1',
--           '{"search": "ada", "sort": "company"}', 20, 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_records_by_filter(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_query  LONGTEXT,
    IN in_limit  INT UNSIGNED,
    IN in_offset INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_deleted VARCHAR(4) DEFAULT COALESCE(JSON_VALUE(in_query, '$.deleted'), 'no');
    DECLARE v_first TINYINT DEFAULT IF(v_deleted = 'only', 1, 0);
    DECLARE v_second TINYINT DEFAULT IF(v_deleted = 'also', 1, NULL);
    DECLARE v_sort VARCHAR(16) COLLATE ascii_bin
        DEFAULT COALESCE(JSON_VALUE(in_query, '$.sort'), 'display_name');
    DECLARE v_desc TINYINT DEFAULT IF(JSON_VALUE(in_query, '$.order') = 'desc', 1, 0);
    DECLARE v_reach, v_book_total, v_rev, v_hit_count, v_least_hits, v_limit BIGINT UNSIGNED DEFAULT 0;
    DECLARE v_total, v_cap, v_is_frequent BIGINT UNSIGNED;
    -- the page must not end behind the floor: whether another one follows would stay open
    DECLARE v_may_floor TINYINT
        DEFAULT JSON_VALUE(in_query, '$.floor') <=> 1 AND in_offset + in_limit <= 1000;
    DECLARE v_is_floor TINYINT DEFAULT 0;
    DECLARE v_skip, v_entry_skip BIGINT UNSIGNED DEFAULT 0;
    DECLARE v_after CHAR(16) COLLATE ascii_bin;
    DECLARE v_conditions LONGTEXT DEFAULT record_conditions(in_query);
    DECLARE v_count INT UNSIGNED DEFAULT JSON_LENGTH(v_conditions);
    DECLARE v_kind, v_other_kind, v_third_kind VARCHAR(16) COLLATE ascii_bin;
    DECLARE v_low, v_high, v_other_low, v_other_high, v_third_low, v_third_high, v_after_word VARCHAR(255);
    DECLARE v_page LONGTEXT;
    DECLARE v_index, v_rarest INT UNSIGNED DEFAULT 0;

    IF v_sort = 'company' AND v_desc = 1 THEN
        SET v_sort = 'company_desc';
    END IF;
    SELECT COALESCE(MAX(rev), 0),
           COALESCE(MAX(IF(v_deleted = 'only', deleted, active + IF(v_deleted = 'also', deleted, 0))), 0)
    INTO v_rev, v_book_total
    FROM contact_ledger
    WHERE owner_id = in_owner;

    -- walk on from where an earlier page has ended
    SET v_skip = in_offset;
    IF JSON_VALUE(in_query, '$.after.rev') = v_rev
       AND JSON_VALUE(in_query, '$.after.offset') <= in_offset THEN
        SET v_after = JSON_VALUE(in_query, '$.after.contact');
        SELECT word INTO v_after_word
        FROM contact_index FORCE INDEX (by_contact)
        WHERE owner_id = in_owner AND contact_id = v_after AND kind = v_sort
        LIMIT 1;
        IF v_after_word IS NULL THEN
            SET v_after = NULL;
        ELSE
            SET v_skip = in_offset - JSON_VALUE(in_query, '$.after.offset');
        END IF;
    END IF;
    SET v_reach = v_skip + in_limit;

    IF v_count > 0 AND JSON_VALUE(in_query, '$.known.rev') = v_rev THEN
        SET v_total = JSON_VALUE(in_query, '$.known.total');
        IF v_total >= 5000 AND v_count < 4 AND v_second IS NULL THEN
            -- all conditions are frequent
            SET v_least_hits = v_total, v_limit = 4294967295;
        END IF;
    ELSEIF v_count > 0 AND v_may_floor AND JSON_VALUE(in_query, '$.known_floor.rev') = v_rev THEN
        SET v_total = JSON_VALUE(in_query, '$.known_floor.total'), v_is_floor = 1, v_least_hits = 5000,
            v_limit = 4294967295;
    END IF;
    -- find the rarest condition; when all are frequent, they need to be counted to the end only for a total
    -- that cannot be counted at once, see below
    WHILE v_count > 1 AND v_least_hits >= v_limit
        AND (v_limit = 0 OR v_count > 3 OR v_second IS NOT NULL) DO
        SET v_limit = IF(v_limit = 0, 5000, 4294967295), v_least_hits = 4294967295, v_index = 0;
        WHILE v_index < v_count DO
            SET v_kind = JSON_VALUE(v_conditions, CONCAT('$[', v_index, '].kind')),
                v_low = JSON_VALUE(v_conditions, CONCAT('$[', v_index, '].low')),
                v_high = JSON_VALUE(v_conditions, CONCAT('$[', v_index, '].high'));
            SELECT COUNT(*) INTO v_hit_count
            FROM (
                SELECT 1 FROM contact_index
                WHERE owner_id = in_owner AND is_deleted IN (v_first, v_second) AND kind = v_kind
                  AND word BETWEEN v_low AND v_high
                LIMIT v_limit
            ) AS some;
            IF v_hit_count < v_least_hits THEN
                SET v_least_hits = v_hit_count, v_rarest = v_index;
            END IF;
            SET v_index = v_index + 1;
        END WHILE;
    END WHILE;
    SET v_kind = JSON_VALUE(v_conditions, CONCAT('$[', v_rarest, '].kind')),
        v_low = JSON_VALUE(v_conditions, CONCAT('$[', v_rarest, '].low')),
        v_high = JSON_VALUE(v_conditions, CONCAT('$[', v_rarest, '].high'));
    IF v_count > 1 THEN
        SET v_index = IF(v_rarest = 0, 1, 0);
        SET v_other_kind = JSON_VALUE(v_conditions, CONCAT('$[', v_index, '].kind')),
            v_other_low = JSON_VALUE(v_conditions, CONCAT('$[', v_index, '].low')),
            v_other_high = JSON_VALUE(v_conditions, CONCAT('$[', v_index, '].high')),
            v_index = IF(v_rarest < 2, 2, 1);
        SET v_third_kind = JSON_VALUE(v_conditions, CONCAT('$[', v_index, '].kind')),
            v_third_low = JSON_VALUE(v_conditions, CONCAT('$[', v_index, '].low')),
            v_third_high = JSON_VALUE(v_conditions, CONCAT('$[', v_index, '].high'));
    END IF;

    IF v_count = 0 THEN
        SET v_total = v_book_total, v_cap = v_reach;
        IF v_second IS NULL THEN
            -- the entries of one list are skipped in the index; those of two are merged first
            SET v_entry_skip = v_skip, v_skip = 0, v_reach = in_limit, v_cap = in_limit;
        END IF;
    ELSEIF v_count = 1 THEN
        IF v_total IS NULL THEN
            -- while there are few, sorting costs less than counting
            SELECT 1 INTO v_is_frequent
            FROM contact_index
            WHERE owner_id = in_owner AND is_deleted IN (v_first, v_second) AND kind = v_kind
              AND word BETWEEN v_low AND v_high
            LIMIT 5000, 1;
            IF v_is_frequent = 1 AND v_may_floor AND v_second IS NULL THEN
                SELECT COUNT(*) INTO v_total
                FROM (
                    SELECT DISTINCT contact_id
                    FROM contact_index
                    WHERE owner_id = in_owner AND is_deleted = v_first AND kind = v_kind
                      AND word BETWEEN v_low AND v_high
                    LIMIT 1001
                ) AS some;
                SET v_is_floor = v_total > 1000;
            ELSEIF v_is_frequent = 1 THEN
                SELECT COUNT(DISTINCT contact_id) INTO v_total
                FROM contact_index
                WHERE owner_id = in_owner AND is_deleted IN (v_first, v_second) AND kind = v_kind
                  AND word BETWEEN v_low AND v_high;
            END IF;
        END IF;
        IF v_total > 1000 AND v_second IS NULL THEN
            -- four times as many rows as an even distribution of the matches would need
            -- more than 5,000 words begin like that: of a floor, half as many contacts are assumed
            SET v_cap = 4 * v_reach * v_book_total DIV IF(v_is_floor, 2500, v_total) + 100;
            SET v_cap = IF(v_cap < v_total OR v_is_floor, v_cap, NULL);
        END IF;
        IF v_cap IS NULL AND v_sort = 'display_name' AND COALESCE(v_total, 0) <= 20000 THEN
            SET v_page = '';
            FOR p IN (
                SELECT SQL_CALC_FOUND_ROWS DISTINCT contact_id, name FROM contact_index
                WHERE owner_id = in_owner AND is_deleted IN (v_first, v_second) AND kind = v_kind
                  AND word BETWEEN v_low AND v_high
                ORDER BY IF(v_desc, NULL, name), IF(v_desc, NULL, contact_id), name DESC, contact_id DESC
                LIMIT in_offset, in_limit
            ) DO
                SET v_page = CONCAT(v_page, ',"', p.contact_id, '"');
            END FOR;
            SET v_total = FOUND_ROWS(), v_is_floor = 0, v_page = CONCAT('[', SUBSTR(v_page, 2), ']');
        END IF;
    ELSEIF v_least_hits >= 5000 AND v_count < 4 AND v_second IS NULL THEN
        IF v_total IS NULL AND v_may_floor THEN
            -- among the first hits of one condition: where they do not suffice, all are counted
            SELECT COUNT(*) INTO v_total
            FROM (
                SELECT DISTINCT h.contact_id
                FROM (
                    SELECT contact_id
                    FROM contact_index
                    WHERE owner_id = in_owner AND is_deleted = v_first AND kind = v_kind
                      AND word BETWEEN v_low AND v_high
                    LIMIT 8000
                ) AS h
                WHERE (
                    SELECT 1 FROM contact_index AS t FORCE INDEX (by_contact)
                    WHERE t.owner_id = in_owner AND t.contact_id = h.contact_id AND t.kind = v_other_kind
                      AND t.word BETWEEN v_other_low AND v_other_high
                    LIMIT 1
                  ) = 1
                  AND (v_count < 3 OR (
                      SELECT 1 FROM contact_index AS t FORCE INDEX (by_contact)
                      WHERE t.owner_id = in_owner AND t.contact_id = h.contact_id AND t.kind = v_third_kind
                        AND t.word BETWEEN v_third_low AND v_third_high
                      LIMIT 1
                  ) = 1)
                LIMIT 1001
            ) AS some;
            SET v_is_floor = v_total > 1000, v_total = IF(v_is_floor, v_total, NULL);
        END IF;
        IF v_total IS NULL THEN
            -- to group all rows costs less than a lookup for each
            SELECT COUNT(*) INTO v_total
            FROM (
                SELECT contact_id
                FROM contact_index
                WHERE owner_id = in_owner AND is_deleted = v_first
                  AND (kind = v_kind AND word BETWEEN v_low AND v_high
                       OR kind = v_other_kind AND word BETWEEN v_other_low AND v_other_high
                       OR kind = v_third_kind AND word BETWEEN v_third_low AND v_third_high)
                GROUP BY contact_id
                HAVING MAX(kind = v_kind AND word BETWEEN v_low AND v_high)
                   AND MAX(kind = v_other_kind AND word BETWEEN v_other_low AND v_other_high)
                   AND (v_count < 3 OR MAX(kind = v_third_kind AND word BETWEEN v_third_low AND v_third_high))
            ) AS hits;
        END IF;
        IF v_total = 0 THEN
            SET v_page = '[]';
        ELSEIF v_desc = 0 THEN
            SELECT COALESCE(JSON_ARRAYAGG(p.contact_id ORDER BY p.word, p.contact_id), '[]') INTO v_page
            FROM (
                SELECT k.contact_id, k.word
                FROM contact_index AS k
                WHERE k.owner_id = in_owner AND k.is_deleted = v_first AND k.kind = v_sort
                  AND (v_after IS NULL OR k.word > v_after_word
                       OR k.word = v_after_word AND k.contact_id > v_after)
                  AND (
                    SELECT 1 FROM contact_index AS t FORCE INDEX (by_contact)
                    WHERE t.owner_id = in_owner AND t.contact_id = k.contact_id AND t.kind = v_kind
                      AND t.word BETWEEN v_low AND v_high
                    LIMIT 1
                  ) = 1
                  AND (
                    SELECT 1 FROM contact_index AS t FORCE INDEX (by_contact)
                    WHERE t.owner_id = in_owner AND t.contact_id = k.contact_id AND t.kind = v_other_kind
                      AND t.word BETWEEN v_other_low AND v_other_high
                    LIMIT 1
                  ) = 1
                  AND (v_count < 3 OR (
                      SELECT 1 FROM contact_index AS t FORCE INDEX (by_contact)
                      WHERE t.owner_id = in_owner AND t.contact_id = k.contact_id AND t.kind = v_third_kind
                        AND t.word BETWEEN v_third_low AND v_third_high
                      LIMIT 1
                  ) = 1)
                ORDER BY k.word, k.contact_id
                LIMIT v_skip, in_limit
            ) AS p;
        ELSE
            SELECT COALESCE(JSON_ARRAYAGG(p.contact_id ORDER BY p.word DESC, p.contact_id DESC), '[]')
            INTO v_page
            FROM (
                SELECT k.contact_id, k.word
                FROM contact_index AS k
                WHERE k.owner_id = in_owner AND k.is_deleted = v_first AND k.kind = v_sort
                  AND (v_after IS NULL OR k.word < v_after_word
                       OR k.word = v_after_word AND k.contact_id < v_after)
                  -- Repeats the branch above, because no parameter can express the direction
                  AND (
                    SELECT 1 FROM contact_index AS t FORCE INDEX (by_contact)
                    WHERE t.owner_id = in_owner AND t.contact_id = k.contact_id AND t.kind = v_kind
                      AND t.word BETWEEN v_low AND v_high
                    LIMIT 1
                  ) = 1
                  AND (
                    SELECT 1 FROM contact_index AS t FORCE INDEX (by_contact)
                    WHERE t.owner_id = in_owner AND t.contact_id = k.contact_id AND t.kind = v_other_kind
                      AND t.word BETWEEN v_other_low AND v_other_high
                    LIMIT 1
                  ) = 1
                  AND (v_count < 3 OR (
                      SELECT 1 FROM contact_index AS t FORCE INDEX (by_contact)
                      WHERE t.owner_id = in_owner AND t.contact_id = k.contact_id AND t.kind = v_third_kind
                        AND t.word BETWEEN v_third_low AND v_third_high
                      LIMIT 1
                  ) = 1)
                ORDER BY k.word DESC, k.contact_id DESC
                LIMIT v_skip, in_limit
            ) AS p;
        END IF;
    END IF;

    IF v_cap > 0 AND v_desc = 0 THEN
        SELECT JSON_ARRAYAGG(p.contact_id ORDER BY p.word, p.contact_id) INTO v_page
        FROM (
            (SELECT k.contact_id, k.word
             FROM (
                SELECT contact_id, word FROM contact_index
                WHERE owner_id = in_owner AND is_deleted = v_first AND kind = v_sort
                  AND (v_after IS NULL OR word > v_after_word
                       OR word = v_after_word AND contact_id > v_after)
                ORDER BY word, contact_id LIMIT v_entry_skip, v_cap
             ) AS k
             WHERE v_count = 0 OR (
                SELECT 1 FROM contact_index AS t FORCE INDEX (by_contact)
                WHERE t.owner_id = in_owner AND t.contact_id = k.contact_id AND t.kind = v_kind
                  AND t.word BETWEEN v_low AND v_high
                LIMIT 1
             ) = 1
             ORDER BY k.word, k.contact_id LIMIT v_reach)
            UNION ALL
            (SELECT contact_id, word FROM contact_index
             WHERE owner_id = in_owner AND is_deleted = v_second AND kind = v_sort
               AND (v_after IS NULL OR word > v_after_word
                    OR word = v_after_word AND contact_id > v_after)
             ORDER BY word, contact_id LIMIT v_cap)
            ORDER BY word, contact_id LIMIT v_skip, in_limit
        ) AS p;
    ELSEIF v_cap > 0 THEN
        SELECT JSON_ARRAYAGG(p.contact_id ORDER BY p.word DESC, p.contact_id DESC) INTO v_page
        FROM (
            (SELECT k.contact_id, k.word
             FROM (
                SELECT contact_id, word FROM contact_index
                WHERE owner_id = in_owner AND is_deleted = v_first AND kind = v_sort
                  AND (v_after IS NULL OR word < v_after_word
                       OR word = v_after_word AND contact_id < v_after)
                ORDER BY word DESC, contact_id DESC LIMIT v_entry_skip, v_cap
                -- Repeats the branch above, because no parameter can express the direction
             ) AS k
             WHERE v_count = 0 OR (
                SELECT 1 FROM contact_index AS t FORCE INDEX (by_contact)
                WHERE t.owner_id = in_owner AND t.contact_id = k.contact_id AND t.kind = v_kind
                  AND t.word BETWEEN v_low AND v_high
                LIMIT 1
             ) = 1
             ORDER BY k.word DESC, k.contact_id DESC LIMIT v_reach)
            UNION ALL
            (SELECT contact_id, word FROM contact_index
             WHERE owner_id = in_owner AND is_deleted = v_second AND kind = v_sort
               AND (v_after IS NULL OR word < v_after_word
                    OR word = v_after_word AND contact_id < v_after)
             ORDER BY word DESC, contact_id DESC LIMIT v_cap)
            ORDER BY word DESC, contact_id DESC LIMIT v_skip, in_limit
        ) AS p;
    END IF;

    -- the third way, also when the first one has found too few
    IF v_count > 0
       AND (v_page IS NULL AND v_cap IS NULL
            OR COALESCE(JSON_LENGTH(v_page), 0)
               < LEAST(in_limit, IF(v_total > in_offset, v_total - in_offset, 0))) THEN
        SET v_page = '';
        FOR p IN (
            SELECT SQL_CALC_FOUND_ROWS h.contact_id, s.word
            FROM (
                SELECT DISTINCT i.contact_id
                FROM contact_index AS i
                WHERE i.owner_id = in_owner AND i.is_deleted IN (v_first, v_second) AND i.kind = v_kind
                  AND i.word BETWEEN v_low AND v_high
                  AND (v_count < 2 OR (
                      SELECT 1 FROM contact_index AS t FORCE INDEX (by_contact)
                      WHERE t.owner_id = in_owner AND t.contact_id = i.contact_id AND t.kind = v_other_kind
                        AND t.word BETWEEN v_other_low AND v_other_high
                      LIMIT 1
                  ) = 1)
                  AND (v_count < 3 OR (
                      SELECT 1 FROM contact_index AS t FORCE INDEX (by_contact)
                      WHERE t.owner_id = in_owner AND t.contact_id = i.contact_id AND t.kind = v_third_kind
                        AND t.word BETWEEN v_third_low AND v_third_high
                      LIMIT 1
                  ) = 1)
                  AND (v_count < 4 OR (
                      SELECT COUNT(DISTINCT c.place)
                      FROM JSON_TABLE(v_conditions, '$[*]' COLUMNS (
                          place FOR ORDINALITY,
                          kind  VARCHAR(16) COLLATE ascii_bin PATH '$.kind',
                          low   VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.low',
                          high  VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.high'
                      )) AS c
                      STRAIGHT_JOIN contact_index AS t FORCE INDEX (by_contact)
                         ON t.owner_id = in_owner AND t.contact_id = i.contact_id AND t.kind = c.kind
                        AND t.word BETWEEN c.low AND c.high
                  ) = v_count)
            ) AS h
            STRAIGHT_JOIN contact_index AS s FORCE INDEX (by_contact)
               ON s.owner_id = in_owner AND s.contact_id = h.contact_id AND s.kind = v_sort
            -- Repeats the loop above over another query
            ORDER BY IF(v_desc, NULL, s.word), IF(v_desc, NULL, h.contact_id), s.word DESC, h.contact_id DESC
            LIMIT in_offset, in_limit
        ) DO
            SET v_page = CONCAT(v_page, ',"', p.contact_id, '"');
        END FOR;
        SET v_total = FOUND_ROWS(), v_is_floor = 0, v_page = CONCAT('[', SUBSTR(v_page, 2), ']');
    END IF;

    -- a contact that another call has trashed, restored or deleted since the page was found is left out
    SELECT r.record AS data, r.rev
    FROM JSON_TABLE(COALESCE(v_page, '[]'), '$[*]' COLUMNS (
        id CHAR(16) COLLATE ascii_bin PATH '$'
    )) AS j
    STRAIGHT_JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = j.id
    -- In the order of the page, because each row is joined by itself (join_cache_level). ORDER BY would sort
    -- in a file, so that a full disk stopped all lists.
    WHERE r.state = IF(v_first = 1, 'deleted', 'active') OR (v_second = 1 AND r.state = 'deleted');
    IF JSON_EXISTS(in_query, '$.floor') THEN
        SELECT v_total AS total, v_rev AS rev, v_is_floor AS is_floor;
    ELSEIF JSON_EXISTS(in_query, '$.known') THEN
        SELECT v_total AS total, v_rev AS rev;
    ELSE
        SELECT v_total AS total;
    END IF;
END$$
DELIMITER ;
