-- contact_catch_up: make records again that are known to be stale, of one owner at a time.
--
-- Params:   in_limit   how many at most, up to 1,000
-- Returns:  one row    done: how many it were; owner: whose they are, or NULL
-- Errors:   none
-- Example:  CALL contact_catch_up(100);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_catch_up(
    IN in_limit INT UNSIGNED
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_owner CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;
    DECLARE v_done INT UNSIGNED DEFAULT 0;
    DECLARE v_contacts LONGTEXT;

    -- unlocked: whose turn it is; another process that picks the same one waits, and then finds less to do
    SELECT s.owner_id INTO v_owner
    FROM contact_stale AS s
    STRAIGHT_JOIN yp.entity AS e ON e.id = s.owner_id
    LIMIT 1;
    IF v_owner IS NOT NULL THEN
        CALL yp.contact_pair_lock(v_owner, NULL, NULL);
        SELECT COUNT(*), JSON_ARRAYAGG(p.contact_id) INTO v_done, v_contacts
        FROM (SELECT contact_id FROM contact_stale WHERE owner_id = v_owner LIMIT in_limit) AS p;
        CALL my_contacts_render(v_owner, v_contacts);
    END IF;
    SELECT v_done AS done, v_owner AS owner;
END$$
DELIMITER ;
