-- contact_pair_lock: hold off everybody else who wants to change what is between these people.
--
-- The first thing in every transaction that changes two address books. Always in the order of their ids, so
-- that two such transactions wait for each other instead of dying of it.
--
-- Params:   in_uid     one of them
--           in_peer    another, or NULL
--           in_third   a third one, or NULL
-- Returns:  nothing
-- Errors:   none
-- Example:  CALL contact_pair_lock('00000000000000a1', '00000000000000b1', NULL);
DELIMITER $$
CREATE OR REPLACE PROCEDURE contact_pair_lock(
    IN in_uid   CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_peer  CHAR(16) CHARACTER SET ascii COLLATE ascii_bin,
    IN in_third CHAR(16) CHARACTER SET ascii COLLATE ascii_bin
)
    MODIFIES SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_next, v_held CHAR(16) CHARACTER SET ascii COLLATE ascii_bin;

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
