-- contact_catch_up: make records again that are known to be stale, of one owner at a time.
--
-- Params:   in_limit   how many at most
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

    -- unlocked: whose turn it is; another process that picks the same one waits, and then finds less to do
    SELECT s.owner_id INTO v_owner
    FROM contact_stale AS s
    STRAIGHT_JOIN yp.entity AS e ON e.id = s.owner_id
    LIMIT 1;
    IF v_owner IS NOT NULL THEN
        CALL yp.contact_pair_lock(v_owner, NULL, NULL);
        FOR s IN (SELECT contact_id FROM contact_stale WHERE owner_id = v_owner LIMIT in_limit) DO
            CALL my_contact_touch(v_owner, s.contact_id);
            SET v_done = v_done + 1;
        END FOR;
    END IF;
    SELECT v_done AS done, v_owner AS owner;
END$$
DELIMITER ;
