-- chat_rooms: list a page of private conversations: with users the owner is related to, and with colleagues.
--
-- The latest conversations come first, then users without messages by name.
--
-- Params:   in_owner    owner of the list
--           in_key      start of a name; '' for all
--           in_tag      only contacts with this tag or one below it; NULL for all
--           in_option   active or archived
--           in_page     1 is the first
--           in_size     rows a page
-- Returns:  rows        data  JSON (chat_room)
-- Errors:   none
-- Example:  CALL chat_rooms('00000000000000a1', '', NULL, 'active', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE chat_rooms(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_key    VARCHAR(255),
    IN in_tag    VARCHAR(64) COLLATE ascii_bin,
    IN in_option VARCHAR(16) COLLATE ascii_bin,
    IN in_page   INT UNSIGNED,
    IN in_size   INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_skip BIGINT UNSIGNED DEFAULT (in_page - 1) * in_size;
    DECLARE v_key VARCHAR(520) DEFAULT CONCAT('%', like_escape(in_key), '%');
    DECLARE v_domain INT UNSIGNED;

    SELECT domain_id INTO v_domain FROM yp.drumate WHERE id = in_owner;

    WITH RECURSIVE subtree (tag_id) AS (
        SELECT tag_id FROM tag WHERE owner_id = in_owner AND tag_id = in_tag
        UNION
        SELECT t.tag_id FROM tag AS t JOIN subtree AS s ON t.parent_tag_id = s.tag_id
        WHERE t.owner_id = in_owner
    ),
    people AS (
        SELECT c.uid AS peer, c.id AS contact, c.display
        FROM contact AS c
        WHERE c.owner_id = in_owner
          AND c.uid IS NOT NULL
          AND c.box = in_option
          AND c.display LIKE v_key
          AND (in_tag IS NULL OR EXISTS (
            SELECT 1 FROM map_tag AS m JOIN subtree AS s ON s.tag_id = m.tag_id
            WHERE m.owner_id = in_owner AND m.entity_id = c.id
          ))
        UNION ALL
        SELECT d.id, NULL, d.fullname
        FROM yp.drumate AS d
        WHERE v_domain > 1
          AND in_option = 'active'
          AND in_tag IS NULL
          AND d.domain_id = v_domain
          AND d.id <> in_owner
          AND d.fullname LIKE v_key
          AND NOT EXISTS (SELECT 1 FROM contact AS k WHERE k.owner_id = in_owner AND k.peer_id = d.id)
    ),
    page AS (
        SELECT p.peer, p.contact, p.display, (
            SELECT MAX(m.ctime) FROM message AS m WHERE m.owner_id = in_owner AND m.peer_id = p.peer
        ) AS spoken
        FROM people AS p
        ORDER BY spoken IS NULL, spoken DESC, display, peer
        LIMIT v_skip, in_size
    )
    SELECT chat_room(in_owner, peer, contact, in_page) AS data
    FROM page
    ORDER BY spoken IS NULL, spoken DESC, display, peer;
END$$
DELIMITER ;
