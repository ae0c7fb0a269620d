-- my_contact_records: a page of the owner's contacts as the REST API shows them, and how many there are.
--
-- Every filter is a condition on the index of records: a word of the search by its start, a tag, a source, companies.
-- Without any, or with one that many contacts meet, the index is read in the order wanted until the page is full; with one,
-- those who meet it are sorted by the names that stand beside their words; otherwise the contacts that meet the rarest condition are collected, checked for the others, and sorted. So a page costs what
-- the rarest condition finds, and not what the book holds; except that a part of a company is looked for in all of them.
--
-- Params:   in_owner    whose address book
--           in_query    JSON with any of search, tag (array of names), company (a part of it), source, deleted (no, also or
--                       only), sort (display_name, company, created_at or updated_at), order (asc or desc)
--           in_limit    rows at most
--           in_offset   rows left out before
-- Returns:  rows        data  JSON, the record; rev
--           one row     total: how many there are without limit and offset
-- Errors:   none
-- Example:  CALL my_contact_records('00000000000000a1', '{"search": "ada", "sort": "company"}', 20, 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_records(
    IN in_owner  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
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
    DECLARE v_sort VARCHAR(16) CHARACTER SET ascii DEFAULT COALESCE(JSON_VALUE(in_query, '$.sort'), 'display_name');
    DECLARE v_desc TINYINT DEFAULT IF(JSON_VALUE(in_query, '$.order') = 'desc', 1, 0);
    DECLARE v_reach, v_total, v_all, v_cap, v_hits, v_least BIGINT UNSIGNED DEFAULT 0;
    DECLARE v_conditions LONGTEXT DEFAULT record_conditions(in_query);
    DECLARE v_count INT UNSIGNED DEFAULT JSON_LENGTH(v_conditions);
    DECLARE v_named TINYINT DEFAULT 0;
    DECLARE v_kind VARCHAR(16) CHARACTER SET ascii;
    DECLARE v_low, v_high VARCHAR(255);
    DECLARE v_companies, v_found, v_page LONGTEXT;
    DECLARE v_place, v_rarest INT UNSIGNED DEFAULT 0;

    SET v_reach = in_offset + in_limit;
    SELECT COALESCE(MAX(IF(v_deleted = 'only', deleted, active + IF(v_deleted = 'also', deleted, 0))), 0) INTO v_all
    FROM contact_ledger
    WHERE owner_id = in_owner;

    IF JSON_VALUE(in_query, '$.company') <> '' THEN
        SELECT COALESCE(JSON_ARRAYAGG(k.word), '[]') INTO v_companies
        FROM (
            SELECT DISTINCT word FROM contact_index
            WHERE owner_id = in_owner AND is_deleted = v_first AND kind = 'company'
            UNION
            SELECT DISTINCT word FROM contact_index
            WHERE owner_id = in_owner AND is_deleted = v_second AND kind = 'company'
        ) AS k
        WHERE k.word LIKE CONCAT('%', like_escape(JSON_VALUE(in_query, '$.company')), '%') AND k.word <> last_word('');
    END IF;

    -- the rarest condition
    WHILE v_place < v_count DO
        SET v_kind = JSON_VALUE(v_conditions, CONCAT('$[', v_place, '].kind')),
            v_low = JSON_VALUE(v_conditions, CONCAT('$[', v_place, '].low')),
            v_high = JSON_VALUE(v_conditions, CONCAT('$[', v_place, '].high'));
        SELECT COUNT(*) INTO v_hits
        FROM (
            SELECT 1 FROM contact_index
            WHERE owner_id = in_owner AND is_deleted IN (v_first, v_second) AND kind = v_kind AND word BETWEEN v_low AND v_high
            LIMIT 5000
        ) AS some;
        IF v_place = 0 OR v_hits < v_least THEN
            SET v_least = v_hits, v_rarest = v_place;
        END IF;
        SET v_place = v_place + 1;
    END WHILE;
    SET v_kind = JSON_VALUE(v_conditions, CONCAT('$[', v_rarest, '].kind')),
        v_low = JSON_VALUE(v_conditions, CONCAT('$[', v_rarest, '].low')),
        v_high = JSON_VALUE(v_conditions, CONCAT('$[', v_rarest, '].high'));

    IF v_count = 0 AND v_companies IS NULL THEN
        SET v_total = v_all, v_cap = v_reach;
    ELSEIF v_count = 1 AND v_companies IS NULL THEN
        SELECT COUNT(DISTINCT contact_id) INTO v_total
        FROM contact_index
        WHERE owner_id = in_owner AND is_deleted IN (v_first, v_second) AND kind = v_kind AND word BETWEEN v_low AND v_high;
        SET v_named = IF(v_sort = 'display_name' AND v_total <= 20000, 1, 0);
        IF v_named = 0 AND v_second IS NULL AND v_total > 1000 THEN
            -- four times as far as it takes when those who meet the condition are spread evenly
            SET v_cap = 4 * v_reach * v_all DIV v_total + 100;
            SET v_cap = IF(v_cap < v_total, v_cap, 0);
        END IF;
    END IF;

    IF v_named = 1 AND v_desc = 0 THEN
        SELECT JSON_ARRAYAGG(p.contact_id ORDER BY p.name, p.contact_id) INTO v_page
        FROM (
            SELECT DISTINCT contact_id, name FROM contact_index
            WHERE owner_id = in_owner AND is_deleted IN (v_first, v_second) AND kind = v_kind AND word BETWEEN v_low AND v_high
            ORDER BY name, contact_id LIMIT in_offset, in_limit
        ) AS p;
    ELSEIF v_named = 1 THEN
        SELECT JSON_ARRAYAGG(p.contact_id ORDER BY p.name DESC, p.contact_id DESC) INTO v_page
        FROM (
            SELECT DISTINCT contact_id, name FROM contact_index
            WHERE owner_id = in_owner AND is_deleted IN (v_first, v_second) AND kind = v_kind AND word BETWEEN v_low AND v_high
            ORDER BY name DESC, contact_id DESC LIMIT in_offset, in_limit
        ) AS p;
    END IF;

    IF v_cap > 0 AND v_desc = 0 THEN
        SELECT JSON_ARRAYAGG(p.contact_id ORDER BY p.word, p.contact_id) INTO v_page
        FROM (
            (SELECT k.contact_id, k.word
             FROM (
                SELECT contact_id, word FROM contact_index
                WHERE owner_id = in_owner AND is_deleted = v_first AND kind = v_sort
                ORDER BY word, contact_id LIMIT v_cap
             ) AS k
             WHERE v_count = 0 OR (
                SELECT 1 FROM contact_index AS t FORCE INDEX (by_contact)
                WHERE t.owner_id = in_owner AND t.contact_id = k.contact_id AND t.kind = v_kind AND t.word BETWEEN v_low AND v_high
                LIMIT 1
             ) = 1
             ORDER BY k.word, k.contact_id LIMIT v_reach)
            UNION ALL
            (SELECT contact_id, word FROM contact_index
             WHERE owner_id = in_owner AND is_deleted = v_second AND kind = v_sort
             ORDER BY word, contact_id LIMIT v_cap)
            ORDER BY word, contact_id LIMIT in_offset, in_limit
        ) AS p;
    ELSEIF v_cap > 0 THEN
        SELECT JSON_ARRAYAGG(p.contact_id ORDER BY p.word DESC, p.contact_id DESC) INTO v_page
        FROM (
            (SELECT k.contact_id, k.word
             FROM (
                SELECT contact_id, word FROM contact_index
                WHERE owner_id = in_owner AND is_deleted = v_first AND kind = v_sort
                ORDER BY word DESC, contact_id DESC LIMIT v_cap
             ) AS k
             WHERE v_count = 0 OR (
                SELECT 1 FROM contact_index AS t FORCE INDEX (by_contact)
                WHERE t.owner_id = in_owner AND t.contact_id = k.contact_id AND t.kind = v_kind AND t.word BETWEEN v_low AND v_high
                LIMIT 1
             ) = 1
             ORDER BY k.word DESC, k.contact_id DESC LIMIT v_reach)
            UNION ALL
            (SELECT contact_id, word FROM contact_index
             WHERE owner_id = in_owner AND is_deleted = v_second AND kind = v_sort
             ORDER BY word DESC, contact_id DESC LIMIT v_cap)
            ORDER BY word DESC, contact_id DESC LIMIT in_offset, in_limit
        ) AS p;
    END IF;

    IF v_named = 0 AND (v_cap = 0 OR COALESCE(JSON_LENGTH(v_page), 0) < LEAST(in_limit, IF(v_total > in_offset, v_total - in_offset, 0))) THEN
        SELECT COALESCE(JSON_ARRAYAGG(h.contact_id), '[]') INTO v_found
        FROM (
            SELECT contact_id FROM contact_index
            WHERE owner_id = in_owner AND is_deleted IN (v_first, v_second) AND kind = v_kind AND word BETWEEN v_low AND v_high
            UNION
            SELECT i.contact_id
            FROM JSON_TABLE(v_companies, '$[*]' COLUMNS (word VARCHAR(255) PATH '$')) AS j
            STRAIGHT_JOIN contact_index AS i ON i.owner_id = in_owner AND i.is_deleted IN (v_first, v_second)
                AND i.kind = 'company' AND i.word = j.word
            WHERE v_count = 0
        ) AS h
        WHERE (v_count < 2 OR (
            SELECT COUNT(DISTINCT c.place)
            FROM JSON_TABLE(v_conditions, '$[*]' COLUMNS (
                place FOR ORDINALITY,
                kind  VARCHAR(16) CHARACTER SET ascii PATH '$.kind',
                low   VARCHAR(255) PATH '$.low',
                high  VARCHAR(255) PATH '$.high'
            )) AS c
            STRAIGHT_JOIN contact_index AS t FORCE INDEX (by_contact)
               ON t.owner_id = in_owner AND t.contact_id = h.contact_id AND t.kind = c.kind AND t.word BETWEEN c.low AND c.high
          ) = v_count)
          AND (v_companies IS NULL OR v_count = 0 OR (
            SELECT COUNT(*)
            FROM contact_index AS t FORCE INDEX (by_contact)
            WHERE t.owner_id = in_owner AND t.contact_id = h.contact_id AND t.kind = 'company'
              AND JSON_CONTAINS(v_companies, JSON_QUOTE(t.word))
          ) = 1);
        SET v_total = JSON_LENGTH(v_found);

        SELECT JSON_ARRAYAGG(p.contact_id ORDER BY p.place) INTO v_page
        FROM (
            SELECT i.contact_id, ROW_NUMBER() OVER (
                ORDER BY IF(v_desc, NULL, i.word), IF(v_desc, NULL, i.contact_id), i.word DESC, i.contact_id DESC
            ) AS place
            FROM JSON_TABLE(v_found, '$[*]' COLUMNS (id CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$')) AS j
            STRAIGHT_JOIN contact_index AS i FORCE INDEX (by_contact)
               ON i.owner_id = in_owner AND i.contact_id = j.id AND i.kind = v_sort
            ORDER BY place LIMIT in_offset, in_limit
        ) AS p;
    END IF;

    SELECT r.record AS data, r.rev
    FROM JSON_TABLE(COALESCE(v_page, '[]'), '$[*]' COLUMNS (
        place FOR ORDINALITY,
        id    CHAR(16) CHARACTER SET ascii COLLATE ascii_bin PATH '$'
    )) AS j
    STRAIGHT_JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = j.id
    ORDER BY j.place;
    SELECT v_total AS total;
END$$
DELIMITER ;
