-- contact_records_by_word: list a page of the contacts with a word of their own that starts with a text, by
-- name, and their total number (my_contact_records).
--
-- A rare word is read from the index of words and sorted; a frequent one is read in the order of names, up to
-- the end of the page.
--
-- Callers:  my_contact_records
-- Params:   in_owner    owner of the address book
--           in_rev      revision of the address book
--           in_query    JSON with order, known, known_floor, after and floor, as in my_contact_records
--           in_word     start of a word: at least three letters or digits in ASCII
--           in_limit    rows at most
--           in_offset   rows to skip
-- Returns:  rows        data  JSON, the record; rev
--           one row     total: number of contacts without limit and offset; with known: rev of the ledger;
--                       with floor: is_floor, 1 where more contacts than the total may match
-- Errors:   none
-- Example:  CALL contact_records_by_word('00000000000000a1', 7, '{"order": "asc"}', 'ada', 20, 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_records_by_word(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_rev    BIGINT UNSIGNED,
    IN in_query  LONGTEXT,
    IN in_word   VARCHAR(64),
    IN in_limit  INT UNSIGNED,
    IN in_offset INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_high VARCHAR(255) DEFAULT CONCAT(in_word, _utf8mb4 x'F48FBFBF');
    DECLARE v_start VARBINARY(6) DEFAULT WEIGHT_STRING(LEFT(in_word, 3));
    DECLARE v_is_desc TINYINT DEFAULT JSON_VALUE(in_query, '$.order') <=> 'desc';
    DECLARE v_total BIGINT UNSIGNED;
    DECLARE v_skip BIGINT UNSIGNED DEFAULT in_offset;
    -- the page must not end behind the floor: whether another one follows would stay open
    DECLARE v_may_floor TINYINT
        DEFAULT JSON_VALUE(in_query, '$.floor') <=> 1 AND in_offset + in_limit <= 1000;
    DECLARE v_is_floor TINYINT DEFAULT 0;
    DECLARE v_after CHAR(16) COLLATE ascii_bin;
    DECLARE v_after_name VARCHAR(64);

    IF JSON_VALUE(in_query, '$.known.rev') = in_rev THEN
        SET v_total = JSON_VALUE(in_query, '$.known.total');
    ELSEIF v_may_floor AND JSON_VALUE(in_query, '$.known_floor.rev') = in_rev THEN
        SET v_total = JSON_VALUE(in_query, '$.known_floor.total'), v_is_floor = 1;
    ELSE
        SELECT COUNT(*) INTO v_total
        FROM (
            SELECT DISTINCT contact_id
            FROM contact_index FORCE INDEX (PRIMARY)
            WHERE owner_id = in_owner AND is_deleted = 0 AND kind = 'text'
              AND word BETWEEN in_word AND v_high
            LIMIT 1001
        ) AS some;
        SET v_is_floor = v_may_floor AND v_total > 1000;
        IF v_total > 1000 AND NOT v_is_floor THEN
            SELECT COUNT(DISTINCT contact_id) INTO v_total
            FROM contact_index FORCE INDEX (PRIMARY)
            WHERE owner_id = in_owner AND is_deleted = 0 AND kind = 'text'
              AND word BETWEEN in_word AND v_high;
        END IF;
    END IF;

    IF v_total <= 100 THEN
        SELECT r.record AS data, r.rev
        FROM (
            SELECT DISTINCT contact_id, name
            FROM contact_index FORCE INDEX (PRIMARY)
            WHERE owner_id = in_owner AND is_deleted = 0 AND kind = 'text'
              AND word BETWEEN in_word AND v_high
            ORDER BY IF(v_is_desc, NULL, name), IF(v_is_desc, NULL, contact_id), name DESC, contact_id DESC
            LIMIT in_offset, in_limit
        ) AS i
        STRAIGHT_JOIN contact_record AS r
           ON r.owner_id = in_owner AND r.contact_id = i.contact_id AND r.state = 'active';
    ELSE
        IF JSON_VALUE(in_query, '$.after.rev') = in_rev
           AND JSON_VALUE(in_query, '$.after.offset') <= in_offset THEN
            SET v_after = JSON_VALUE(in_query, '$.after.contact');
            SELECT name INTO v_after_name
            FROM contact_index FORCE INDEX (by_contact)
            WHERE owner_id = in_owner AND contact_id = v_after AND kind = 'text'
            LIMIT 1;
            IF v_after_name IS NOT NULL THEN
                SET v_skip = in_offset - JSON_VALUE(in_query, '$.after.offset');
            END IF;
        END IF;
        IF v_is_desc THEN
            SELECT r.record AS data, r.rev
            FROM contact_index AS i FORCE INDEX (by_start)
            STRAIGHT_JOIN contact_record AS r FORCE INDEX (PRIMARY)
               ON r.owner_id = in_owner AND r.contact_id = i.contact_id AND r.state = 'active'
            WHERE i.owner_id = in_owner AND i.is_deleted = 0 AND i.start = v_start
              AND i.word BETWEEN in_word AND v_high
              AND (v_after_name IS NULL OR i.name < v_after_name
                   OR i.name = v_after_name AND i.contact_id < v_after)
            GROUP BY i.name, i.contact_id
            ORDER BY i.name DESC, i.contact_id DESC
            LIMIT v_skip, in_limit;
        ELSE
            SELECT r.record AS data, r.rev
            FROM contact_index AS i FORCE INDEX (by_start)
            STRAIGHT_JOIN contact_record AS r FORCE INDEX (PRIMARY)
               ON r.owner_id = in_owner AND r.contact_id = i.contact_id AND r.state = 'active'
            -- Repeats the branch above, because no parameter can express the direction
            WHERE i.owner_id = in_owner AND i.is_deleted = 0 AND i.start = v_start
              AND i.word BETWEEN in_word AND v_high
              AND (v_after_name IS NULL OR i.name > v_after_name
                   OR i.name = v_after_name AND i.contact_id > v_after)
            GROUP BY i.name, i.contact_id
            ORDER BY i.name, i.contact_id
            LIMIT v_skip, in_limit;
        END IF;
    END IF;
    SELECT v_total AS total, in_rev AS rev, v_is_floor AS is_floor;
END$$
DELIMITER ;
