-- contact_pair_lock: lock the relations between up to three users.
--
-- Every transaction that changes two address books begins with it. The locks are taken in the order of ids,
-- so that two such transactions wait for each other instead of running into a deadlock.
--
-- Params:   in_uid     user
--           in_peer    second user, or NULL
--           in_third   third user, or NULL
-- Returns:  nothing
-- Errors:   none
-- Needs:    a transaction
-- Example:  CALL contact_pair_lock('00000000000000a1', '00000000000000b1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_pair_lock(
    IN in_uid   CHAR(16) COLLATE ascii_bin,
    IN in_peer  CHAR(16) COLLATE ascii_bin,
    IN in_third CHAR(16) COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_next, v_held CHAR(16) COLLATE ascii_bin;
    IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;

    SET v_next = LEAST(in_uid, COALESCE(in_peer, in_uid), COALESCE(in_third, in_uid));
    WHILE v_next IS NOT NULL DO
        SELECT id INTO v_held FROM drumate WHERE id = v_next FOR UPDATE;
        SET v_next = (
            SELECT MIN(p.id)
            FROM (SELECT in_uid AS id UNION ALL SELECT in_peer UNION ALL SELECT in_third) AS p
            WHERE p.id > v_next
        );
    END WHILE;
END$$
DELIMITER ;
