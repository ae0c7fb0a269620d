-- contact_stale_owner: find the next owner with stale records.
--
-- An owner who is set aside is skipped until the next attempt is due, and then comes first, even without
-- stale records.
--
-- Params:   none
-- Returns:  one row     owner: NULL when there is none; set_aside: number of owners who are set aside
-- Errors:   none
-- Example:  CALL contact_stale_owner();
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_stale_owner()
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_owner CHAR(16) COLLATE ascii_bin;
    DECLARE v_candidate CHAR(16) COLLATE ascii_bin DEFAULT '';

    SET v_owner = (
        SELECT a.owner_id
        FROM contact_set_aside AS a
        STRAIGHT_JOIN yp.entity AS e ON e.id = a.owner_id
        WHERE a.retry_at <= UNIX_TIMESTAMP()
        ORDER BY a.retry_at
        LIMIT 1
    );
    WHILE v_owner IS NULL AND v_candidate IS NOT NULL DO
        SET v_candidate = (
            SELECT s.owner_id
            FROM contact_stale AS s
            STRAIGHT_JOIN yp.entity AS e ON e.id = s.owner_id
            WHERE s.owner_id > v_candidate
            ORDER BY s.owner_id
            LIMIT 1
        );
        IF NOT EXISTS (SELECT 1 FROM contact_set_aside AS a WHERE a.owner_id = v_candidate) THEN
            SET v_owner = v_candidate;
        END IF;
    END WHILE;
    SELECT v_owner AS owner, COUNT(*) AS set_aside
    FROM contact_set_aside AS a
    STRAIGHT_JOIN yp.entity AS e ON e.id = a.owner_id;
END$$
DELIMITER ;
