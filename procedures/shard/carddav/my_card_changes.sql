-- my_card_changes: list the cards of contacts and groups that have changed, or have gone, since a revision,
-- each once (RFC 6578).
--
-- Params:   in_owner   owner of the address book
--           in_since   revision that the client has; 0: none, and only cards that are there are listed
--           in_limit   rows at most
--           in_start   revision at which a client that began with 0 began, while more is to come; else 0
-- Returns:  rows       name, etag (NULL: the card is gone), in the order of their changes
--           one row    rev: revision that the client has now; more: 1 when there are more changes; start:
--                      in_start of the next call
-- Errors:   TOO_OLD    changes after that revision were dropped, or it is unknown: start again with 0
-- Example:  CALL my_card_changes('00000000000000a1', 0, 100, 0);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_card_changes(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_since BIGINT UNSIGNED,
    IN in_limit INT UNSIGNED,
    IN in_start BIGINT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_rev, v_forgotten_rev, v_last BIGINT UNSIGNED DEFAULT 0;
    DECLARE v_count INT UNSIGNED;
    DECLARE v_moved_to VARCHAR(64) COLLATE ascii_bin;

    -- Repeats contact_export: a book that is elsewhere now is not empty, a client would delete its cards
    SELECT to_db INTO v_moved_to FROM moved_out WHERE owner_id = in_owner;
    IF v_moved_to IS NOT NULL THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'MOVING';
    END IF;

    SELECT COALESCE(MAX(rev), 0), COALESCE(MAX(GREATEST(forgotten_rev, event_rev)), 0)
    INTO v_rev, v_forgotten_rev
    FROM contact_ledger
    WHERE owner_id = in_owner;
    -- a client that is still reading all cards needs no changes from before it began
    IF GREATEST(in_since, in_start) > v_rev
       OR (in_since > 0 AND GREATEST(in_since, in_start) < v_forgotten_rev) THEN
        SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'TOO_OLD';
    END IF;

    -- events of kind private are those of which no record knows: names of the RPC, and cards alone
    WITH change_row AS (
        (SELECT rev, contact_id FROM contact_record FORCE INDEX (by_rev)
         WHERE owner_id = in_owner AND rev > in_since AND rev <= v_rev
         ORDER BY rev
         LIMIT in_limit)
        UNION ALL
        (SELECT rev, contact_id FROM contact_event FORCE INDEX (PRIMARY)
         WHERE owner_id = in_owner AND rev > in_since AND rev <= v_rev AND in_since > 0 AND event = 'private'
         ORDER BY rev
         LIMIT in_limit)
        UNION ALL
        (SELECT rev, id FROM contact_group FORCE INDEX (by_rev)
         WHERE owner_id = in_owner AND rev > in_since AND rev <= v_rev
         ORDER BY rev
         LIMIT in_limit)
        UNION ALL
        (SELECT rev, group_id FROM contact_group_gone FORCE INDEX (by_rev)
         WHERE owner_id = in_owner AND rev > in_since AND rev <= v_rev AND in_since > 0
         ORDER BY rev
         LIMIT in_limit)
    )
    SELECT MAX(w.rev), COUNT(*) INTO v_last, v_count
    FROM (SELECT rev FROM change_row ORDER BY rev LIMIT in_limit) AS w;

    SELECT w.name, w.etag
    FROM (
        SELECT m.name, IF(m.is_listed = 1, m.etag, NULL) AS etag, k.rev
        FROM (
            SELECT w.contact_id, MAX(w.rev) AS rev
            FROM (
                SELECT rev, contact_id FROM contact_record FORCE INDEX (by_rev)
                WHERE owner_id = in_owner AND rev > in_since AND rev <= v_last
                UNION ALL
                SELECT rev, contact_id FROM contact_event FORCE INDEX (PRIMARY)
                WHERE owner_id = in_owner AND rev > in_since AND rev <= v_last AND in_since > 0
                  AND event = 'private'
            ) AS w
            GROUP BY w.contact_id
        ) AS k
        STRAIGHT_JOIN contact_member AS m ON m.owner_id = in_owner AND m.contact_id = k.contact_id
        WHERE m.is_listed = 1
           -- the client cannot know a contact that came and went since; but a name that a client chose may
           -- have been that of an earlier contact
           OR (in_since > 0 AND (m.created_rev <= in_since OR m.name <> CONCAT(m.contact_id, '.vcf'))
               -- another contact may have been put under the name
               AND NOT EXISTS (
                   SELECT 1 FROM contact_vcard AS o
                   JOIN contact_member AS n
                     ON n.owner_id = o.owner_id AND n.contact_id = o.contact_id AND n.is_listed = 1
                   WHERE o.owner_id = in_owner AND o.name = m.name AND o.contact_id <> m.contact_id
               )
               AND NOT EXISTS (
                   SELECT 1 FROM contact_group AS g FORCE INDEX (by_card_name)
                   WHERE g.owner_id = in_owner AND g.card_name = m.name
               ))
        UNION ALL
        SELECT g.name, g.etag, g.rev
        FROM group_resource AS g
        WHERE g.owner_id = in_owner AND g.rev > in_since AND g.rev <= v_last
        UNION ALL
        SELECT d.name, NULL, d.rev
        FROM contact_group_gone AS d FORCE INDEX (by_rev)
        WHERE d.owner_id = in_owner AND d.rev > in_since AND d.rev <= v_last AND in_since > 0
          AND (d.created_rev <= in_since OR d.name <> CONCAT(d.group_id, '.vcf'))
          -- a contact or another group may have been put under the name
          AND NOT EXISTS (
              SELECT 1 FROM contact_vcard AS o
              JOIN contact_member AS n
                ON n.owner_id = o.owner_id AND n.contact_id = o.contact_id AND n.is_listed = 1
              WHERE o.owner_id = in_owner AND o.name = d.name
          )
          AND NOT EXISTS (
              SELECT 1 FROM contact_group AS g FORCE INDEX (by_card_name)
              WHERE g.owner_id = in_owner AND g.card_name = d.name
          )
    ) AS w
    ORDER BY w.rev;
    SELECT IF(v_count < in_limit, v_rev, v_last) AS rev, IF(v_count < in_limit, 0, 1) AS more,
           CASE WHEN v_count < in_limit THEN 0 WHEN in_since = 0 THEN v_rev ELSE in_start END AS start;
END$$
DELIMITER ;
