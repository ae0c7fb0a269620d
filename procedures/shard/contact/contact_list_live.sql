-- contact_list_live: list a page of the owner's address book, with cards that are made now (my_contact_list).
--
-- Three ranges of an index are read in order, up to the end of the page, and merged: that costs the same for
-- 100 and for 100,000 contacts. A caller who sends where an earlier page ended gets the next ones from there,
-- however far back they are. A jump far back skips entries of the index, unless it merges two ranges.
-- For a tag, all its contacts are read and sorted; unanswered invitations are few: both ignore in_after.
--
-- The statement is repeated for each order. Neither the column of an ORDER BY nor its direction can be a
-- parameter without dynamic SQL, and an expression in their place would read and sort the whole address book.
-- The ranges cannot come from a list either: MariaDB has no LATERAL to limit each one.
--
-- Callers:  my_contact_list
-- Params:   in_owner    owner of the address book
--           in_tag      only contacts with this tag or one below it; NULL for all
--           in_name     only contacts whose displayed name contains this, or that a search of the REST API
--                       finds by it (record_conditions); NULL for all
--           in_sort     name or date
--           in_order    asc or desc
--           in_option   active, archived, sent (unanswered invitations) or all
--           in_page     1 is the first
--           in_size     rows a page
--           in_after    JSON: rev, offset and contact (id) at which an earlier page of the same list ended,
--                       or {}; NULL: no revision is wanted
-- Returns:  rows        data  JSON, one contact (contact_card) and its page
--           one row     rev: revision of the address book; not when in_after is NULL
-- Errors:   none
-- Example:  CALL contact_list_live('00000000000000a1', NULL, NULL, 'name', 'asc', 'active', 2, 45,
--           '{"rev": 7, "offset": 45, "contact": "0000000000000c01"}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_list_live(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_tag    VARCHAR(64) COLLATE ascii_bin,
    IN in_name   VARCHAR(255),
    IN in_sort   VARCHAR(8) COLLATE ascii_bin,
    IN in_order  VARCHAR(8) COLLATE ascii_bin,
    IN in_option VARCHAR(16) COLLATE ascii_bin,
    IN in_page   INT UNSIGNED,
    IN in_size   INT UNSIGNED,
    IN in_after  LONGTEXT
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_skip BIGINT UNSIGNED DEFAULT (in_page - 1) * in_size;
    DECLARE v_reach BIGINT UNSIGNED DEFAULT in_page * in_size;
    DECLARE v_entry_skip BIGINT UNSIGNED DEFAULT 0;
    DECLARE v_name VARCHAR(520);
    DECLARE v_conditions LONGTEXT;
    DECLARE v_low VARCHAR(64);
    DECLARE v_is_frequent TINYINT DEFAULT 0;
    -- ids of the contacts that a rare word finds
    DECLARE v_hits TEXT COLLATE ascii_bin DEFAULT '';
    DECLARE v_box, v_second, v_status VARCHAR(16);
    DECLARE v_rev BIGINT UNSIGNED;
    DECLARE v_after CHAR(16) COLLATE ascii_bin;
    DECLARE v_display VARCHAR(255);
    DECLARE v_ctime INT UNSIGNED;

    CASE in_option
        WHEN 'all' THEN SET v_box = 'active', v_second = 'archived';
        WHEN 'sent' THEN SET v_status = 'sent';
        ELSE SET v_box = in_option;
    END CASE;
    IF in_name IS NOT NULL THEN
        SET v_name = CONCAT('%', like_escape(in_name), '%');
        SET v_conditions = record_conditions(JSON_OBJECT('search', in_name));
        SELECT MAX(w.low) INTO v_low
        FROM (
            SELECT j.low, ROW_NUMBER() OVER (ORDER BY CHAR_LENGTH(j.low) DESC) AS place
            FROM JSON_TABLE(v_conditions, '$[*]' COLUMNS (
                low VARCHAR(64) COLLATE utf8mb4_unicode_520_ci PATH '$.low'
            )) AS j
        ) AS w
        WHERE w.place = 1;
        SELECT COUNT(*) > 1000 INTO v_is_frequent
        FROM (
            SELECT 1 FROM contact_index
            WHERE owner_id = in_owner AND is_deleted = 0 AND kind = 'text'
              AND word BETWEEN v_low AND prefix_end(v_low)
            LIMIT 1001
        ) AS first_hits;
        IF NOT v_is_frequent THEN
            SELECT COALESCE(GROUP_CONCAT(DISTINCT contact_id), '') INTO v_hits
            FROM contact_index
            WHERE owner_id = in_owner AND is_deleted = 0 AND kind = 'text'
              AND word BETWEEN v_low AND prefix_end(v_low)
              AND contact_meets(in_owner, contact_id, v_conditions);
        END IF;
    END IF;
    IF in_after IS NOT NULL THEN
        -- before the page is read: a change between the two makes the revision too old, never too new
        SELECT COALESCE(MAX(rev), 0) INTO v_rev FROM contact_ledger WHERE owner_id = in_owner;
    END IF;
    IF JSON_VALUE(in_after, '$.rev') = v_rev AND JSON_VALUE(in_after, '$.offset') <= v_skip
       AND in_tag IS NULL AND v_status IS NULL THEN
        SET v_after = JSON_VALUE(in_after, '$.contact');
        SELECT display, ctime INTO v_display, v_ctime
        FROM contact
        WHERE owner_id = in_owner AND id = v_after AND box IN (v_box, v_second);
        IF v_display IS NULL THEN
            SET v_after = NULL;
        ELSE
            SET v_skip = v_skip - JSON_VALUE(in_after, '$.offset'), v_reach = v_skip + in_size;
        END IF;
    END IF;
    IF in_tag IS NULL AND v_second IS NULL THEN
        -- the entries of one range are skipped in its index; those of two are merged first
        SET v_entry_skip = v_skip, v_skip = 0, v_reach = in_size;
    END IF;

    IF in_tag IS NOT NULL THEN
        WITH RECURSIVE subtree (tag_id) AS (
            SELECT tag_id FROM tag WHERE owner_id = in_owner AND tag_id = in_tag
            UNION
            SELECT t.tag_id
            FROM tag AS t
            JOIN subtree AS s ON t.parent_tag_id = s.tag_id
            WHERE t.owner_id = in_owner
        ),
        tagged AS (
            SELECT DISTINCT c.id, c.display, c.ctime
            FROM subtree AS s
            JOIN map_tag AS m ON m.owner_id = in_owner AND m.tag_id = s.tag_id
            JOIN contact AS c ON c.owner_id = in_owner AND c.id = m.entity_id
            WHERE (c.box IN (v_box, v_second) OR c.status = v_status)
              AND (v_name IS NULL OR c.display LIKE v_name OR LOCATE(c.id, v_hits) > 0
                   OR v_is_frequent = 1 AND contact_meets(in_owner, c.id, v_conditions))
        )
        SELECT JSON_INSERT(k.data, '$.page', in_page + 0) AS data
        FROM tagged AS f
        JOIN contact_card AS k ON k.owner_id = in_owner AND k.id = f.id
        ORDER BY
            IF(in_sort = 'date' AND in_order <> 'desc', f.ctime, NULL),
            IF(in_sort = 'date' AND in_order = 'desc', f.ctime, NULL) DESC,
            IF(in_sort <> 'date' AND in_order <> 'desc', f.display, NULL),
            IF(in_sort <> 'date' AND in_order = 'desc', f.display, NULL) DESC,
            IF(in_order <> 'desc', f.id, NULL),
            f.id DESC
        LIMIT v_skip, in_size;

    ELSEIF in_sort = 'date' AND in_order = 'desc' THEN
        WITH p AS (
            (SELECT id, ctime FROM contact FORCE INDEX (by_date)
             WHERE owner_id = in_owner AND box = v_box
               AND (v_name IS NULL OR display LIKE v_name OR LOCATE(id, v_hits) > 0
                    OR v_is_frequent = 1 AND contact_meets(in_owner, id, v_conditions))
               AND (v_after IS NULL OR ctime < v_ctime OR ctime = v_ctime AND id < v_after)
             ORDER BY ctime DESC, id DESC LIMIT v_entry_skip, v_reach)
            UNION ALL
            (SELECT id, ctime FROM contact FORCE INDEX (by_date)
             WHERE owner_id = in_owner AND box = v_second
               AND (v_name IS NULL OR display LIKE v_name OR LOCATE(id, v_hits) > 0
                    OR v_is_frequent = 1 AND contact_meets(in_owner, id, v_conditions))
               AND (v_after IS NULL OR ctime < v_ctime OR ctime = v_ctime AND id < v_after)
             ORDER BY ctime DESC, id DESC LIMIT v_entry_skip, v_reach)
            UNION ALL
            (SELECT id, ctime FROM contact
             WHERE owner_id = in_owner AND status = v_status
               AND (v_name IS NULL OR display LIKE v_name OR LOCATE(id, v_hits) > 0
                    OR v_is_frequent = 1 AND contact_meets(in_owner, id, v_conditions))
             ORDER BY ctime DESC, id DESC LIMIT v_entry_skip, v_reach)
            ORDER BY ctime DESC, id DESC LIMIT v_skip, in_size
        )
        SELECT JSON_INSERT(k.data, '$.page', in_page + 0) AS data
        FROM p
        JOIN contact_card AS k ON k.owner_id = in_owner AND k.id = p.id
        ORDER BY p.ctime DESC, p.id DESC;

    ELSEIF in_sort = 'date' THEN
        WITH p AS (
            (SELECT id, ctime FROM contact FORCE INDEX (by_date)
             WHERE owner_id = in_owner AND box = v_box
               AND (v_name IS NULL OR display LIKE v_name OR LOCATE(id, v_hits) > 0
                    OR v_is_frequent = 1 AND contact_meets(in_owner, id, v_conditions))
               AND (v_after IS NULL OR ctime > v_ctime OR ctime = v_ctime AND id > v_after)
             ORDER BY ctime, id LIMIT v_entry_skip, v_reach)
            UNION ALL
            (SELECT id, ctime FROM contact FORCE INDEX (by_date)
             WHERE owner_id = in_owner AND box = v_second
               AND (v_name IS NULL OR display LIKE v_name OR LOCATE(id, v_hits) > 0
                    OR v_is_frequent = 1 AND contact_meets(in_owner, id, v_conditions))
               AND (v_after IS NULL OR ctime > v_ctime OR ctime = v_ctime AND id > v_after)
             ORDER BY ctime, id LIMIT v_entry_skip, v_reach)
            UNION ALL
            (SELECT id, ctime FROM contact
             WHERE owner_id = in_owner AND status = v_status
               AND (v_name IS NULL OR display LIKE v_name OR LOCATE(id, v_hits) > 0
                    OR v_is_frequent = 1 AND contact_meets(in_owner, id, v_conditions))
             ORDER BY ctime, id LIMIT v_entry_skip, v_reach)
            ORDER BY ctime, id LIMIT v_skip, in_size
        )
        SELECT JSON_INSERT(k.data, '$.page', in_page + 0) AS data
        FROM p
        JOIN contact_card AS k ON k.owner_id = in_owner AND k.id = p.id
        ORDER BY p.ctime, p.id;

    ELSEIF in_order = 'desc' THEN
        WITH p AS (
            (SELECT id, display FROM contact FORCE INDEX (by_name)
             WHERE owner_id = in_owner AND box = v_box
               AND (v_name IS NULL OR display LIKE v_name OR LOCATE(id, v_hits) > 0
                    OR v_is_frequent = 1 AND contact_meets(in_owner, id, v_conditions))
               AND (v_after IS NULL OR display < v_display OR display = v_display AND id < v_after)
             ORDER BY display DESC, id DESC LIMIT v_entry_skip, v_reach)
            UNION ALL
            (SELECT id, display FROM contact FORCE INDEX (by_name)
             WHERE owner_id = in_owner AND box = v_second
               AND (v_name IS NULL OR display LIKE v_name OR LOCATE(id, v_hits) > 0
                    OR v_is_frequent = 1 AND contact_meets(in_owner, id, v_conditions))
               AND (v_after IS NULL OR display < v_display OR display = v_display AND id < v_after)
             ORDER BY display DESC, id DESC LIMIT v_entry_skip, v_reach)
            UNION ALL
            (SELECT id, display FROM contact
             WHERE owner_id = in_owner AND status = v_status
               AND (v_name IS NULL OR display LIKE v_name OR LOCATE(id, v_hits) > 0
                    OR v_is_frequent = 1 AND contact_meets(in_owner, id, v_conditions))
             ORDER BY display DESC, id DESC LIMIT v_entry_skip, v_reach)
            ORDER BY display DESC, id DESC LIMIT v_skip, in_size
        )
        SELECT JSON_INSERT(k.data, '$.page', in_page + 0) AS data
        FROM p
        JOIN contact_card AS k ON k.owner_id = in_owner AND k.id = p.id
        ORDER BY p.display DESC, p.id DESC;

    ELSE
        WITH p AS (
            (SELECT id, display FROM contact FORCE INDEX (by_name)
             WHERE owner_id = in_owner AND box = v_box
               AND (v_name IS NULL OR display LIKE v_name OR LOCATE(id, v_hits) > 0
                    OR v_is_frequent = 1 AND contact_meets(in_owner, id, v_conditions))
               AND (v_after IS NULL OR display > v_display OR display = v_display AND id > v_after)
             ORDER BY display, id LIMIT v_entry_skip, v_reach)
            UNION ALL
            (SELECT id, display FROM contact FORCE INDEX (by_name)
             WHERE owner_id = in_owner AND box = v_second
               AND (v_name IS NULL OR display LIKE v_name OR LOCATE(id, v_hits) > 0
                    OR v_is_frequent = 1 AND contact_meets(in_owner, id, v_conditions))
               AND (v_after IS NULL OR display > v_display OR display = v_display AND id > v_after)
             ORDER BY display, id LIMIT v_entry_skip, v_reach)
            UNION ALL
            (SELECT id, display FROM contact
             WHERE owner_id = in_owner AND status = v_status
               AND (v_name IS NULL OR display LIKE v_name OR LOCATE(id, v_hits) > 0
                    OR v_is_frequent = 1 AND contact_meets(in_owner, id, v_conditions))
             ORDER BY display, id LIMIT v_entry_skip, v_reach)
            ORDER BY display, id LIMIT v_skip, in_size
        )
        SELECT JSON_INSERT(k.data, '$.page', in_page + 0) AS data
        FROM p
        JOIN contact_card AS k ON k.owner_id = in_owner AND k.id = p.id
        ORDER BY p.display, p.id;
    END IF;
    IF in_after IS NOT NULL THEN
        SELECT v_rev AS rev;
    END IF;
END$$
DELIMITER ;
