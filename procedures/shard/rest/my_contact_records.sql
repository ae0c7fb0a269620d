-- my_contact_records: list a page of the owner's contacts as the REST API shows them, and their total number.
--
-- Without a condition, the index is read in the wanted order, and the ledger knows the total. A caller who
-- sends where an earlier page ended gets the next ones from there. contact_records_by_word finds the contacts
-- with one word, by name, and contact_records_by_filter all other pages.
--
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
-- Example:  CALL my_contact_records('00000000000000a1', '{"search": "ada", "sort": "company"}', 20, 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_records(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_query  LONGTEXT,
    IN in_limit  INT UNSIGNED,
    IN in_offset INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_deleted VARCHAR(4) DEFAULT COALESCE(JSON_VALUE(in_query, '$.deleted'), 'no');
    DECLARE v_is_deleted TINYINT DEFAULT IF(v_deleted = 'only', 1, 0);
    DECLARE v_state VARCHAR(8) DEFAULT IF(v_is_deleted, 'deleted', 'active');
    DECLARE v_is_desc TINYINT DEFAULT IF(JSON_VALUE(in_query, '$.order') = 'desc', 1, 0);
    DECLARE v_is_plain TINYINT;
    DECLARE v_sort VARCHAR(16) COLLATE ascii_bin
        DEFAULT COALESCE(JSON_VALUE(in_query, '$.sort'), 'display_name');
    DECLARE v_rev, v_total BIGINT UNSIGNED DEFAULT 0;
    DECLARE v_skip BIGINT UNSIGNED DEFAULT in_offset;
    DECLARE v_before, v_after CHAR(16) COLLATE ascii_bin DEFAULT NULL;
    DECLARE v_after_word, v_word VARCHAR(255);

    IF v_deleted = 'also'
       OR JSON_EXISTS(in_query, '$.search') OR JSON_EXISTS(in_query, '$.tag')
       OR JSON_EXISTS(in_query, '$.company') OR JSON_EXISTS(in_query, '$.source') THEN
        SET v_is_plain = 0;
        IF v_deleted = 'no' AND v_sort = 'display_name' AND JSON_EXISTS(in_query, '$.floor') THEN
            SELECT l.rev, JSON_VALUE(in_query, '$.search') INTO v_rev, v_word
            FROM contact_ledger AS l
            LEFT JOIN contact_stale AS s ON s.owner_id = in_owner
            WHERE l.owner_id = in_owner AND s.contact_id IS NULL
              AND JSON_VALUE(in_query, '$.search') RLIKE '^[A-Za-z][0-9A-Za-z]{2,63}$'
              AND NOT JSON_EXISTS(in_query, '$.tag') AND NOT JSON_EXISTS(in_query, '$.company')
              AND NOT JSON_EXISTS(in_query, '$.source')
            LIMIT 1;
        END IF;
    ELSE
        -- before the page is read: a change between the two makes the revision too old, never too new
        SELECT rev, IF(v_is_deleted, deleted, active) INTO v_rev, v_total
        FROM contact_ledger
        WHERE owner_id = in_owner;
        IF v_is_desc AND v_sort = 'company' THEN
            SET v_sort = 'company_desc';
        END IF;
        IF JSON_VALUE(in_query, '$.after.rev') = v_rev
           AND JSON_VALUE(in_query, '$.after.offset') <= in_offset THEN
            SET v_before = JSON_VALUE(in_query, '$.after.contact');
            SELECT contact_id, word INTO v_after, v_after_word
            FROM contact_index FORCE INDEX (by_contact)
            WHERE owner_id = in_owner AND contact_id = v_before AND kind = v_sort
            LIMIT 1;
            SET v_skip = in_offset - IF(v_after IS NULL, 0, JSON_VALUE(in_query, '$.after.offset'));
        END IF;
        SET v_is_plain = v_skip <= 1000;
    END IF;

    IF v_word IS NOT NULL THEN
        CALL contact_records_by_word(in_owner, v_rev, in_query, v_word, in_limit, in_offset);
    ELSEIF NOT v_is_plain THEN
        CALL contact_records_by_filter(in_owner, in_query, in_limit, in_offset);
    ELSEIF v_is_desc THEN
        SELECT r.record AS data, r.rev
        FROM contact_index AS i FORCE INDEX (PRIMARY)
        STRAIGHT_JOIN contact_record AS r FORCE INDEX (PRIMARY)
           ON r.owner_id = in_owner AND r.contact_id = i.contact_id AND r.state = v_state
        WHERE i.owner_id = in_owner AND i.is_deleted = v_is_deleted AND i.kind = v_sort
          AND (v_after IS NULL OR i.word < v_after_word
               OR i.word = v_after_word AND i.contact_id < v_after)
        ORDER BY i.word DESC, i.contact_id DESC
        LIMIT v_skip, in_limit;
    ELSE
        SELECT r.record AS data, r.rev
        FROM contact_index AS i FORCE INDEX (PRIMARY)
        STRAIGHT_JOIN contact_record AS r FORCE INDEX (PRIMARY)
           ON r.owner_id = in_owner AND r.contact_id = i.contact_id AND r.state = v_state
        WHERE i.owner_id = in_owner AND i.is_deleted = v_is_deleted AND i.kind = v_sort
          AND (v_after IS NULL OR i.word > v_after_word
               OR i.word = v_after_word AND i.contact_id > v_after)
        ORDER BY i.word, i.contact_id
        LIMIT v_skip, in_limit;
    END IF;
    IF v_is_plain AND JSON_EXISTS(in_query, '$.floor') THEN
        SELECT v_total AS total, v_rev AS rev, 0 AS is_floor;
    ELSEIF v_is_plain AND JSON_EXISTS(in_query, '$.known') THEN
        SELECT v_total AS total, v_rev AS rev;
    ELSEIF v_is_plain THEN
        SELECT v_total AS total;
    END IF;
END$$
DELIMITER ;
