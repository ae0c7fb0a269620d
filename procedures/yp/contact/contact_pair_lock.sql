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
    READS SQL DATA
    SQL SECURITY DEFINER
BEGIN
    DECLARE v_locked INT UNSIGNED;

    SELECT COUNT(*) INTO v_locked
    FROM (
        SELECT id FROM drumate FORCE INDEX (PRIMARY)
        WHERE id IN (in_uid, in_peer, in_third)
        ORDER BY id
        FOR UPDATE
    ) AS held;
END$$
DELIMITER ;
