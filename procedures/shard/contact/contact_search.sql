-- contact_search: list a page of contacts, and of colleagues in a paid domain, by the starts of their words.
--
-- One plain word is found here, in the active contacts of an owner whose contacts are no users and have no
-- nicknames: cards are sent as they are stored. A rare word is read from the index of words and sorted; a
-- frequent one is read in the order of names, up to the end of the page. contact_search_live finds all else.
-- A contact without a stored card waits in contact_stale; only older routines leave one behind during a
-- deploy, which is missing here until its end (contact_sweep).
--
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
-- Example:  CALL contact_search('00000000000000a1', 'ada', '', 0, '[]', 'contact', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_search(
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
    DECLARE v_page VARCHAR(32) DEFAULT CONCAT(', "page": ', in_page + 0, '}');
    DECLARE v_high VARCHAR(255);
    DECLARE v_start VARBINARY(6);
    DECLARE v_is_stored, v_is_frequent TINYINT;
    -- bytes: letters would be compared by the collation, at each place in the card
    DECLARE v_active VARBINARY(20) DEFAULT '"is_archived": 0';

    IF in_status IN ('', 'own') AND in_drumate = 0 AND in_filter = '[]'
       AND in_key RLIKE '^[A-Za-z][0-9A-Za-z]{2,63}$' THEN
        SELECT 1 INTO v_is_stored
        FROM yp.drumate AS d
        LEFT JOIN yp.contact_block AS b ON b.owner_id = in_owner
        LEFT JOIN contact_stale AS s ON s.owner_id = in_owner
        LEFT JOIN contact AS p FORCE INDEX (by_peer) ON p.owner_id = in_owner AND p.peer_id > ''
        LEFT JOIN contact AS n FORCE INDEX (by_nickname) ON n.owner_id = in_owner AND n.surname > ''
        WHERE d.id = in_owner AND (d.domain_id <= 1 OR in_status <> '')
          AND b.owner_id IS NULL AND s.owner_id IS NULL AND p.id IS NULL AND n.id IS NULL
        LIMIT 1;
    END IF;

    IF v_is_stored IS NULL THEN
        CALL contact_search_live(in_owner, in_key, in_status, in_drumate, in_filter, in_id, in_page, in_size);
    ELSE
        SET v_high = CONCAT(in_key, _utf8mb4 x'F48FBFBF'),
            v_start = WEIGHT_STRING(LEFT(in_key, 3));
        SELECT 1 INTO v_is_frequent
        FROM contact_index FORCE INDEX (PRIMARY)
        WHERE owner_id = in_owner AND is_deleted = 0 AND kind = 'text' AND word BETWEEN in_key AND v_high
        LIMIT 200, 1;
        -- the first keys of a card have the same length in all: the id is in characters 8 to 25, the entity,
        -- of at most 255 characters, begins at 79
        IF v_is_frequent THEN
            SELECT IF(in_id = 'contact', CONCAT(r.rpc_card, v_page), INSERT(
                       CONCAT(r.rpc_card, v_page), 8, 18,
                       SUBSTRING_INDEX(SUBSTR(r.rpc_card, 79, 600), ', "uid": ', 1)
                   )) AS data
            FROM contact_index AS i FORCE INDEX (by_start)
            STRAIGHT_JOIN contact_record AS r FORCE INDEX (PRIMARY)
               ON r.owner_id = in_owner AND r.contact_id = i.contact_id
            WHERE i.owner_id = in_owner AND i.is_deleted = 0 AND i.start = v_start
              AND i.word BETWEEN in_key AND v_high
              AND LOCATE(v_active, r.rpc_card) > 0
            GROUP BY i.name, i.contact_id
            ORDER BY i.name, i.contact_id
            LIMIT v_skip, in_size;
        ELSE
            SELECT IF(in_id = 'contact', CONCAT(r.rpc_card, v_page), INSERT(
                       CONCAT(r.rpc_card, v_page), 8, 18,
                       SUBSTRING_INDEX(SUBSTR(r.rpc_card, 79, 600), ', "uid": ', 1)
                   )) AS data
            FROM (
                SELECT DISTINCT name, contact_id
                FROM contact_index FORCE INDEX (PRIMARY)
                WHERE owner_id = in_owner AND is_deleted = 0 AND kind = 'text'
                  AND word BETWEEN in_key AND v_high
                ORDER BY name, contact_id
                LIMIT 200
            ) AS i
            -- Repeats the branch above, which needs no table in between
            STRAIGHT_JOIN contact_record AS r FORCE INDEX (PRIMARY)
               ON r.owner_id = in_owner AND r.contact_id = i.contact_id
            WHERE LOCATE(v_active, r.rpc_card) > 0
            LIMIT v_skip, in_size;
        END IF;
    END IF;
END$$
DELIMITER ;
