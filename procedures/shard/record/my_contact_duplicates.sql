-- my_contact_duplicates: contacts that may be the same person: with the same name, or with the same phone number.
--
-- Names count by their words in any order, case and accents ignored; numbers by their last nine digits. The same mail
-- address is not among the reasons: it belongs to one contact only.
--
-- Params:   in_owner   whose address book
--           in_after   where the page before ended (name:… or phone:…), or NULL
--           in_limit   groups at most
-- Returns:  rows       data  JSON: reason (name or phone), value, count, contacts (ten records at most)
--                      value: how the first of them is called, or the number
--           one row    after: to go on from, or NULL when this was the end
-- Errors:   none
-- Example:  CALL my_contact_duplicates('00000000000000a1', NULL, 20);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_duplicates(
    IN in_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_after VARCHAR(300),
    IN in_limit INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_phones TINYINT DEFAULT IF(in_after LIKE 'phone:%', 1, 0);
    DECLARE v_after VARCHAR(300) DEFAULT COALESCE(SUBSTR(in_after, LOCATE(':', in_after) + 1), '');
    DECLARE v_groups LONGTEXT;

    SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT('reason', g.kind, 'value', g.word, 'count', g.n) ORDER BY g.kind, g.word), '[]')
    INTO v_groups
    FROM (
        (SELECT kind, word, COUNT(*) AS n FROM contact_index
         WHERE owner_id = in_owner AND is_deleted = 0 AND kind = 'name' AND word > v_after AND v_phones = 0
         GROUP BY kind, word HAVING COUNT(*) > 1 ORDER BY word LIMIT in_limit)
        UNION ALL
        (SELECT kind, word, COUNT(*) FROM contact_index
         WHERE owner_id = in_owner AND is_deleted = 0 AND kind = 'phone' AND word > IF(v_phones, v_after, '')
         GROUP BY kind, word HAVING COUNT(*) > 1 ORDER BY word LIMIT in_limit)
        ORDER BY kind, word
        LIMIT in_limit
    ) AS g;

    SELECT JSON_OBJECT('reason', m.reason,
                       'value', IF(m.reason = 'name', MAX(IF(m.place = 1, JSON_VALUE(m.record, '$.display_name'), NULL)), m.value),
                       'count', m.n + 0,
                       'contacts', JSON_COMPACT(JSON_ARRAYAGG(JSON_COMPACT(m.record) ORDER BY m.place))) AS data
    FROM (
        SELECT g.position, g.reason, g.value, g.n, r.record,
               ROW_NUMBER() OVER (PARTITION BY g.position ORDER BY i.contact_id) AS place
        FROM JSON_TABLE(v_groups, '$[*]' COLUMNS (
            position FOR ORDINALITY,
            reason   VARCHAR(8) CHARACTER SET ascii PATH '$.reason',
            value    VARCHAR(255) PATH '$.value',
            n        INT UNSIGNED PATH '$.count'
        )) AS g
        STRAIGHT_JOIN contact_index AS i ON i.owner_id = in_owner AND i.is_deleted = 0 AND i.kind = g.reason AND i.word = g.value
        STRAIGHT_JOIN contact_record AS r ON r.owner_id = in_owner AND r.contact_id = i.contact_id AND r.state = 'active'
    ) AS m
    WHERE m.place <= 10
    GROUP BY m.position, m.reason, m.value, m.n
    -- the others may have gone since the groups were found
    HAVING COUNT(*) > 1
    ORDER BY m.position;
    SELECT IF(JSON_LENGTH(v_groups) < in_limit, NULL,
              CONCAT(JSON_VALUE(v_groups, CONCAT('$[', in_limit - 1, '].reason')), ':', JSON_VALUE(v_groups, CONCAT('$[', in_limit - 1, '].value')))) AS after;
END$$
DELIMITER ;
