-- my_contact_changes_between: list the contacts whose last change lies between two revisions
-- (my_contact_changes, my_contact_events).
--
-- Params:   in_owner   owner of the address book
--           in_since   revision that the caller has
--           in_rev     newest revision
--           in_limit   rows at most
-- Returns:  rows       rev, event, data
--           one row    rev, more
-- Errors:   none
-- Example:  CALL my_contact_changes_between('00000000000000a1', 0, 10, 100);
DELIMITER $$
CREATE OR REPLACE PROCEDURE my_contact_changes_between(
    IN in_owner CHAR(16) COLLATE ascii_bin,
    IN in_since BIGINT UNSIGNED,
    IN in_rev   BIGINT UNSIGNED,
    IN in_limit INT UNSIGNED
)
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_last BIGINT UNSIGNED;
    DECLARE v_count INT UNSIGNED;

    -- the caller does not know contacts that were created and deleted since then
    SELECT MAX(p.rev), COUNT(*) INTO v_last, v_count
    FROM (
        SELECT rev FROM contact_record FORCE INDEX (by_rev)
        WHERE owner_id = in_owner AND rev > in_since AND rev <= in_rev
          AND NOT (state = 'purged' AND created_rev > in_since)
        ORDER BY rev
        LIMIT in_limit
    ) AS p;

    SELECT rev,
           CASE WHEN state <> 'active' THEN state
                WHEN created_rev > in_since THEN 'created'
                WHEN restored_rev > in_since THEN 'restored'
                ELSE 'updated' END AS event,
           record AS data
    FROM contact_record FORCE INDEX (by_rev)
    WHERE owner_id = in_owner AND rev > in_since AND rev <= v_last
      AND NOT (state = 'purged' AND created_rev > in_since)
    ORDER BY rev;
    SELECT IF(v_count < in_limit, in_rev, v_last) AS rev, IF(v_count < in_limit, 0, 1) AS more;
END$$
DELIMITER ;
