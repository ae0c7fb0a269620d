-- chat_rooms: list a page of conversations: with users the owner is related to, with colleagues, and the team
-- hubs that the owner may read.
--
-- The latest conversations come first, then users without messages and hubs by name.
--
-- Params:   in_owner    owner of the list
--           in_flag     contact: people; share: team hubs; all
--           in_key      part of a name; '' for all
--           in_tag      only contacts with this tag or one below it; NULL for all
--           in_option   active or archived
--           in_page     1 is the first
--           in_size     rows a page
-- Returns:  rows        data  JSON (chat_room, share_room)
--           rows        db_name, hubs (team_hubs): where the conversations of the hubs are
-- Errors:   none
-- Example:  CALL chat_rooms('00000000000000a1', 'all', '', NULL, 'active', 1, 45);
DELIMITER $$
CREATE OR REPLACE PROCEDURE chat_rooms(
    IN in_owner  CHAR(16) COLLATE ascii_bin,
    IN in_flag   VARCHAR(16) COLLATE ascii_bin,
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
    DECLARE v_now INT UNSIGNED DEFAULT UNIX_TIMESTAMP();

    SELECT domain_id INTO v_domain FROM yp.drumate WHERE id = in_owner;

    WITH RECURSIVE subtree (tag_id) AS (
        SELECT tag_id FROM tag WHERE owner_id = in_owner AND tag_id = in_tag
        UNION
        SELECT t.tag_id FROM tag AS t JOIN subtree AS s ON t.parent_tag_id = s.tag_id
        WHERE t.owner_id = in_owner
    ),
    people AS (
        SELECT c.uid AS peer, c.id AS contact, c.display, NULL AS hub
        FROM contact AS c
        WHERE c.owner_id = in_owner
          AND in_flag <> 'share'
          AND c.uid IS NOT NULL
          AND c.box = in_option
          AND c.display LIKE v_key
          AND (in_tag IS NULL OR EXISTS (
            SELECT 1 FROM map_tag AS m JOIN subtree AS s ON s.tag_id = m.tag_id
            WHERE m.owner_id = in_owner AND m.entity_id = c.id
          ))
        UNION ALL
        SELECT d.id, NULL, d.fullname, NULL
        FROM yp.drumate AS d
        WHERE v_domain > 1
          AND in_flag <> 'share'
          AND in_option = 'active'
          AND in_tag IS NULL
          AND d.domain_id = v_domain
          AND d.id <> in_owner
          AND d.fullname LIKE v_key
          AND NOT EXISTS (SELECT 1 FROM contact AS k WHERE k.owner_id = in_owner AND k.peer_id = d.id)
        UNION ALL
        SELECT h.id, NULL, h.name, h.id
        FROM yp.permission AS p
        JOIN yp.hub AS h ON h.id = p.hub_id AND h.serial > 0
        JOIN yp.entity AS e ON e.id = h.id AND e.status = 'active' AND e.area IN ('private', 'share')
        WHERE in_flag <> 'contact'
          AND in_option = 'active'
          AND p.entity_id = in_owner
          AND p.resource_id = '*'
          AND p.level >= 2
          AND (p.expiry = 0 OR p.expiry > v_now)
          AND h.name LIKE v_key
          AND (in_tag IS NULL OR EXISTS (
            SELECT 1 FROM map_tag AS m JOIN subtree AS s ON s.tag_id = m.tag_id
            WHERE m.owner_id = in_owner AND m.entity_id = h.id
          ))
    ),
    page AS (
        SELECT p.peer, p.contact, p.display, p.hub, (
            SELECT MAX(m.ctime) FROM message AS m WHERE m.owner_id = in_owner AND m.peer_id = p.peer
        ) AS spoken
        FROM people AS p
        ORDER BY spoken IS NULL, spoken DESC, display, peer
        LIMIT v_skip, in_size
    )
    SELECT IF(hub IS NULL, chat_room(in_owner, peer, contact, in_page), share_room(in_owner, hub, in_page))
        AS data
    FROM page
    ORDER BY spoken IS NULL, spoken DESC, display, peer;
    CALL team_hubs(IF(in_flag = 'contact', NULL, in_owner));
END$$
DELIMITER ;
