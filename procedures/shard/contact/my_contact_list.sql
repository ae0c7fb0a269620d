-- my_contact_list: list a page of the owner's address book, in the order of an index.
--
-- A page of all active or archived contacts is sent as it is stored (contact_document), but for contacts
-- who are users, or have no stored text: theirs is made now. So are pages with a filter or far behind
-- in_after, and all of an owner who has blocked somebody, or whose contacts wait to be stored again
-- (contact_list_live).
--
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
-- Example:  CALL my_contact_list('00000000000000a1', NULL, NULL, 'name', 'asc', 'active', 2, 45,
--           '{"rev": 7, "offset": 45, "contact": "0000000000000c01"}');
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_list(
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
    DECLARE v_page VARCHAR(32) DEFAULT CONCAT(', "page": ', in_page + 0, '}');
    DECLARE v_box VARCHAR(16) DEFAULT in_option;
    DECLARE v_is_live TINYINT;
    DECLARE v_skip BIGINT UNSIGNED DEFAULT (in_page - 1) * in_size;
    DECLARE v_rev BIGINT UNSIGNED;
    DECLARE v_before, v_after CHAR(16) COLLATE ascii_bin DEFAULT NULL;
    DECLARE v_display VARCHAR(255);
    DECLARE v_ctime INT UNSIGNED;

    IF in_tag IS NULL AND in_name IS NULL AND in_option IN ('active', 'archived') THEN
        -- before the page is read: a change between the two makes the revision too old, never too new
        SELECT b.contact_id IS NOT NULL OR s.contact_id IS NOT NULL, l.rev INTO v_is_live, v_rev
        FROM contact_ledger AS l
        LEFT JOIN yp.contact_block AS b ON b.owner_id = in_owner
        LEFT JOIN contact_stale AS s ON s.owner_id = in_owner
        WHERE l.owner_id = in_owner
        LIMIT 1;
        IF in_after IS NOT NULL AND JSON_VALUE(in_after, '$.rev') = v_rev
           AND JSON_VALUE(in_after, '$.offset') <= v_skip THEN
            SET v_before = JSON_VALUE(in_after, '$.contact');
            SELECT id, display, ctime, v_skip - JSON_VALUE(in_after, '$.offset')
            INTO v_after, v_display, v_ctime, v_skip
            FROM contact
            WHERE owner_id = in_owner AND id = v_before AND box = v_box;
        END IF;
    END IF;

    -- entries that are skipped are looked up as well
    IF COALESCE(v_is_live, 1) OR v_skip > 500 THEN
        CALL contact_list_live(in_owner, in_tag, in_name, in_sort, in_order, in_option, in_page, in_size,
                               in_after);
    ELSEIF in_sort = 'date' AND in_order = 'desc' THEN
        SELECT COALESCE(IF(c.peer_id IS NULL, CONCAT(r.rpc_card, v_page), NULL), (
            SELECT JSON_INSERT(k.data, '$.page', in_page + 0)
            FROM contact_card AS k
            WHERE k.owner_id = in_owner AND k.id = c.id
        )) AS data
        FROM contact AS c FORCE INDEX (by_date)
        LEFT JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = c.id
        WHERE c.owner_id = in_owner AND c.box = v_box
          AND (v_after IS NULL OR c.ctime < v_ctime OR c.ctime = v_ctime AND c.id < v_after)
        ORDER BY c.ctime DESC, c.id DESC
        LIMIT v_skip, in_size;
    ELSEIF in_sort = 'date' THEN
        -- Repeats my_contact_list: neither the column of an ORDER BY nor its direction can be a parameter
        SELECT COALESCE(IF(c.peer_id IS NULL, CONCAT(r.rpc_card, v_page), NULL), (
            SELECT JSON_INSERT(k.data, '$.page', in_page + 0)
            FROM contact_card AS k
            WHERE k.owner_id = in_owner AND k.id = c.id
        )) AS data
        FROM contact AS c FORCE INDEX (by_date)
        LEFT JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = c.id
        WHERE c.owner_id = in_owner AND c.box = v_box
          AND (v_after IS NULL OR c.ctime > v_ctime OR c.ctime = v_ctime AND c.id > v_after)
        ORDER BY c.ctime, c.id
        LIMIT v_skip, in_size;
    ELSEIF in_order = 'desc' THEN
        -- Repeats my_contact_list: neither the column of an ORDER BY nor its direction can be a parameter
        SELECT COALESCE(IF(c.peer_id IS NULL, CONCAT(r.rpc_card, v_page), NULL), (
            SELECT JSON_INSERT(k.data, '$.page', in_page + 0)
            FROM contact_card AS k
            WHERE k.owner_id = in_owner AND k.id = c.id
        )) AS data
        FROM contact AS c FORCE INDEX (by_name)
        LEFT JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = c.id
        WHERE c.owner_id = in_owner AND c.box = v_box
          AND (v_after IS NULL OR c.display < v_display OR c.display = v_display AND c.id < v_after)
        ORDER BY c.display DESC, c.id DESC
        LIMIT v_skip, in_size;
    ELSE
        -- Repeats my_contact_list: neither the column of an ORDER BY nor its direction can be a parameter
        SELECT COALESCE(IF(c.peer_id IS NULL, CONCAT(r.rpc_card, v_page), NULL), (
            SELECT JSON_INSERT(k.data, '$.page', in_page + 0)
            FROM contact_card AS k
            WHERE k.owner_id = in_owner AND k.id = c.id
        )) AS data
        FROM contact AS c FORCE INDEX (by_name)
        LEFT JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = c.id
        WHERE c.owner_id = in_owner AND c.box = v_box
          AND (v_after IS NULL OR c.display > v_display OR c.display = v_display AND c.id > v_after)
        ORDER BY c.display, c.id
        LIMIT v_skip, in_size;
    END IF;
    IF in_after IS NOT NULL AND NOT COALESCE(v_is_live, 1) AND v_skip <= 500 THEN
        SELECT v_rev AS rev;
    END IF;
END$$
DELIMITER ;
