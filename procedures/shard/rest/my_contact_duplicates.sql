-- my_contact_duplicates: list contacts that may be the same person, because they have the same email address,
-- name or phone number.
--
-- Names are compared by their words in any order, without case and accents; numbers by their international
-- form, or, without one, by their last nine digits.
--
-- Params:   in_owner   owner of the address book
--           in_after   end of the page before (email:…, name:… or phone:…), or NULL
--           in_limit   groups at most
-- Returns:  rows       data  JSON: reason (email, name or phone), value (the address, the name of the first
--                      contact, or the number), count, contacts (ten records at most)
--           one row    after: start of the next page, or NULL at the end
-- Errors:   none
-- Example:  CALL my_contact_duplicates('00000000000000a1', NULL, 20);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_duplicates(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_after VARCHAR(300),
    IN in_limit INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_reason VARCHAR(8) COLLATE ascii_bin
        DEFAULT CASE WHEN in_after LIKE 'phone:%' THEN 'phone'
                     WHEN in_after LIKE 'name:%' THEN 'name'
                     ELSE 'email' END;
    DECLARE v_after VARCHAR(300) DEFAULT COALESCE(SUBSTR(in_after, LOCATE(':', in_after) + 1), '');
    DECLARE v_email_after VARCHAR(300) COLLATE utf8mb4_bin DEFAULT v_after;
    DECLARE v_groups LONGTEXT;

    SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(
               'reason', g.reason, 'value', g.word, 'address', g.address, 'count', g.n
           ) ORDER BY g.reason, g.address, g.word), '[]')
    INTO v_groups
    FROM (
        -- addresses that stand twice are found in the index alone; few remain to be looked for in the trash
        (SELECT 'email' AS reason, t.email AS address, t.email COLLATE utf8mb4_unicode_520_ci AS word,
                COUNT(c.id) AS n
         FROM (
             SELECT email FROM contact_email FORCE INDEX (by_address)
             WHERE owner_id = in_owner AND email > v_email_after AND v_reason = 'email'
             GROUP BY email HAVING COUNT(*) > 1
         ) AS t
         STRAIGHT_JOIN contact_email AS e FORCE INDEX (by_address)
            ON e.owner_id = in_owner AND e.email = t.email
         STRAIGHT_JOIN contact AS c ON c.owner_id = in_owner AND c.id = e.contact_id AND c.box <> 'trash'
         GROUP BY t.email HAVING COUNT(c.id) > 1 ORDER BY t.email LIMIT in_limit)
        UNION ALL
        (SELECT 'name', NULL, word, COUNT(*) FROM contact_index
         WHERE owner_id = in_owner AND is_deleted = 0 AND kind = 'name' AND v_reason <= 'name'
           AND word > IF(v_reason = 'name', v_after, '')
         GROUP BY word HAVING COUNT(*) > 1 ORDER BY word LIMIT in_limit)
        UNION ALL
        (SELECT 'phone', NULL, word, COUNT(*) FROM contact_index
         WHERE owner_id = in_owner AND is_deleted = 0 AND kind = 'phone'
           AND word > IF(v_reason = 'phone', v_after, '')
         GROUP BY word HAVING COUNT(*) > 1 ORDER BY word LIMIT in_limit)
        ORDER BY reason, address, word
        LIMIT in_limit
    ) AS g;

    SELECT JSON_OBJECT(
        'reason', m.reason,
        'value', IF(m.reason = 'name',
                    MAX(IF(m.place = 1, JSON_VALUE(m.record, '$.display_name'), NULL)), m.value),
        'count', m.n + 0,
        'contacts', JSON_COMPACT(JSON_ARRAYAGG(JSON_COMPACT(m.record) ORDER BY m.place))
    ) AS data
    FROM (
        SELECT g.position, g.reason, g.value, g.n, r.record,
               ROW_NUMBER() OVER (PARTITION BY g.position ORDER BY r.contact_id) AS place
        FROM JSON_TABLE(v_groups, '$[*]' COLUMNS (
            position FOR ORDINALITY,
            reason   VARCHAR(8) COLLATE ascii_bin PATH '$.reason',
            value    VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.value',
            address  VARCHAR(255) COLLATE utf8mb4_bin PATH '$.address',
            n        INT UNSIGNED PATH '$.count'
        )) AS g
        LEFT JOIN contact_index AS i
          ON i.owner_id = in_owner AND i.is_deleted = 0 AND i.kind = g.reason AND i.word = g.value
        LEFT JOIN contact_email AS e FORCE INDEX (by_address)
          ON e.owner_id = in_owner AND e.email = g.address
        STRAIGHT_JOIN contact_record AS r
           ON r.owner_id = in_owner AND r.contact_id = COALESCE(e.contact_id, i.contact_id)
          AND r.state = 'active'
    ) AS m
    WHERE m.place <= 10
    GROUP BY m.position, m.reason, m.value, m.n
    -- the other contacts of a group may have been deleted since the first statement
    HAVING COUNT(*) > 1
    ORDER BY m.position;
    SELECT IF(JSON_LENGTH(v_groups) < in_limit, NULL,
              CONCAT(JSON_VALUE(v_groups, CONCAT('$[', in_limit - 1, '].reason')), ':',
                     JSON_VALUE(v_groups, CONCAT('$[', in_limit - 1, '].value')))) AS after;
END$$
DELIMITER ;
